// What rules.yaml must find (`ruleid`) and must leave alone (`ok`). It is only read by semgrep.

// ruleid: no-markup-from-text
line.innerHTML = person.name
// ruleid: no-markup-from-text
line.outerHTML = `<li>${person.name}</li>`
// ruleid: no-markup-from-text
line.insertAdjacentHTML("beforeend", person.name)
// ruleid: no-markup-from-text
document.write(person.name)
// ruleid: no-markup-from-text
eval(person.name)
// ruleid: no-markup-from-text
const run = new Function(person.name)
// ok: no-markup-from-text
line.textContent = person.name
// ok: no-markup-from-text
line.append(person.name)
