// A browser as far as signing in goes: cookies with their rules, redirects, and the provider's forms.
import assert from 'node:assert/strict';

const REDIRECTS = [301, 302, 303, 307];

export class Browser {
  /** Every cookie, as it was set: `{host, name, value, path, attributes}`. */
  cookies = [];

  /** One request, no redirect followed. Cookies travel as a browser would send them. */
  async go(url, { headers, ...init } = {}) {
    const { hostname, pathname } = new URL(url);
    const cookie = this.cookies
      .filter((c) => c.host === hostname && (pathname === c.path || pathname.startsWith(c.path.replace(/\/?$/, '/'))))
      .map((c) => `${c.name}=${c.value}`)
      .join('; ');
    const response = await fetch(url, {
      ...init,
      headers: { ...headers, ...(cookie && { cookie }) },
      redirect: 'manual',
      signal: AbortSignal.timeout(26_000), // the server gives up at 25
    });
    for (const line of response.headers.getSetCookie()) this.#keep(hostname, pathname, line);
    return response;
  }

  #keep(host, pathname, line) {
    const [pair, ...rest] = line.split(';').map((part) => part.trim());
    const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
    const attributes = new Map(
      rest.map((part) => part.split('=')).map(([key, said]) => [key.toLowerCase(), said ?? true]),
    );
    const path = attributes.get('path') ?? (pathname.replace(/\/[^/]*$/, '') || '/');
    if (name.startsWith('__Host-')) {
      assert(attributes.has('secure') && path === '/' && !attributes.has('domain'), `a browser drops ${name}`);
    }
    this.cookies = this.cookies.filter((c) => c.host !== host || c.name !== name || c.path !== path);
    const gone =
      Number(attributes.get('max-age') ?? 1) <= 0 || Date.parse(attributes.get('expires') ?? '9999-01-01') <= Date.now();
    if (!gone) this.cookies.push({ host, name, value, path, attributes });
  }

  /**
   * Goes through the provider's pages as this person, or cancels at the first of them, up to the redirect
   * that leaves for `redirectUri`. That one is returned, not followed.
   */
  async signIn(authUrl, redirectUri, { as, cancel = false }) {
    let [url, init] = [authUrl, undefined];
    for (let step = 0; step < 20; step += 1) {
      const response = await this.go(url, init);
      if (REDIRECTS.includes(response.status)) {
        [url, init] = [new URL(response.headers.get('location'), url).href, undefined];
        if (url.startsWith(redirectUri)) return url;
        continue;
      }
      const page = await response.text();
      assert.equal(response.status, 200, page);
      const [, link] = page.match(cancel ? /href="([^"]+\/abort)"/ : /<form[^>]* action="([^"]+)"/) ?? [];
      assert(link, `nothing to press on ${url}`);
      const [, prompt] = page.match(/name="prompt" value="(\w+)"/) ?? [];
      url = new URL(link, url).href;
      init = cancel ? undefined : { method: 'POST', body: new URLSearchParams({ prompt, login: as, password: 'any' }) };
    }
    assert.fail('the provider goes round in circles');
  }
}
