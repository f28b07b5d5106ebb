//! A session description's lines and sections (RFC 8866), and what they must say.

use super::{SdpRefused, candidate};
use crate::limit;
use crate::negotiation::DescriptionKind;

/// The lines, without their ends. A carriage return anywhere but there is two lines to some readers and one to others.
fn lines(text: &str) -> Result<Vec<&str>, SdpRefused> {
    let ended = text.strip_suffix('\n').unwrap_or(text);
    let lines: Vec<&str> = ended.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let plain =
        |line: &&str| line.as_bytes().get(1) == Some(&b'=') && !line.contains(|c: char| c.is_control() && c != '\t');
    if lines.iter().all(plain) && lines.iter().all(is_named_once) { Ok(lines) } else { Err(SdpRefused::NotSdp) }
}

/// Attributes that are looked at, here or where candidates are stripped.
const LOOKED_AT: [&str; 9] =
    ["bundle-only", "candidate", "crypto", "fingerprint", "ice-pwd", "ice-ufrag", "key-mgmt", "rtcp", "setup"];

/// An attribute's name is a token (RFC 8866 section 9), and one that is looked at has one spelling: some readers skip
/// blanks before it and take it in any case, and must not see what was not looked at.
fn is_named_once(line: &&str) -> bool {
    let Some(attribute) = line.strip_prefix("a=") else { return true };
    let name = attribute.split(':').next().unwrap_or_default();
    let token =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&b));
    token && !LOOKED_AT.iter().any(|known| name != *known && name.eq_ignore_ascii_case(known))
}

/// The session's own lines or those of one medium.
struct Section<'a>(Vec<&'a str>);

impl<'a> Section<'a> {
    /// The values of an attribute, here.
    fn values(&self, name: &str) -> Vec<&'a str> {
        let attributes = self.0.iter().filter_map(|line| line.strip_prefix("a="));
        attributes.filter_map(|attribute| attribute.strip_prefix(name)?.strip_prefix(':')).collect()
    }

    /// Port 0 rejects a medium (RFC 3264 section 6), but for one that waits to share another's path (RFC 9143 section 6).
    fn is_rejected(&self) -> bool {
        self.0[0].split(' ').nth(1) == Some("0") && !self.0.contains(&"a=bundle-only")
    }
}

/// A description, taken apart.
pub(super) struct Parsed<'a> {
    session: Section<'a>,
    media: Vec<Section<'a>>,
}

/// Takes a description apart. Refuses what is no description, and what holds more than a call needs.
pub(super) fn parse(text: &str) -> Result<Parsed<'_>, SdpRefused> {
    let lines = lines(text)?;
    let mut parts = Vec::from([Vec::new()]);
    for line in &lines {
        let within = if parts.len() == 1 && !line.starts_with("m=") { "vosiuepcbtrzka" } else { "micba" };
        if line.starts_with("k=") || line.starts_with("a=crypto:") || line.starts_with("a=key-mgmt:") {
            return Err(SdpRefused::Keys);
        }
        if !within.contains(&line[..1]) {
            return Err(SdpRefused::NotSdp);
        }
        if line.starts_with("m=") {
            parts.push(Vec::new());
        }
        parts.last_mut().expect("the session's part is there").push(*line);
    }
    let media: Vec<_> = parts.split_off(1).into_iter().map(Section).collect();
    let session = parts.swap_remove(0);
    let begins = matches!(session[..], ["v=0", origin, name, ..] if is_origin(origin) && name.starts_with("s="));
    let again = session.iter().skip(3).any(|line| ["v=", "o=", "s="].iter().any(|once| line.starts_with(once)));
    if !begins
        || again
        || !session.iter().any(|line| line.starts_with("t="))
        || !media.iter().all(|one| is_medium(one.0[0]))
    {
        return Err(SdpRefused::NotSdp);
    }
    if media.len() > limit::MEDIA_SECTIONS {
        return Err(SdpRefused::TooManySections { is: media.len() });
    }
    let lines = lines.iter().filter_map(|line| line.strip_prefix("a=")).filter(|line| line.starts_with("candidate:"));
    let candidates = lines.map(candidate::parse).collect::<Result<Vec<_>, _>>()?.len();
    if candidates > limit::CANDIDATES_KEPT {
        return Err(SdpRefused::TooManyCandidates { is: candidates });
    }
    Ok(Parsed { session: Section(session), media })
}

/// `o=name id version IN IP4|IP6 address`.
fn is_origin(line: &str) -> bool {
    matches!(line.split(' ').collect::<Vec<_>>()[..], [name, _, _, "IN", "IP4" | "IP6", _] if name.starts_with("o="))
}

/// `m=kind port protocol format…`.
fn is_medium(line: &str) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    words.len() > 3 && words.iter().all(|word| !word.is_empty()) && words[1].parse::<u16>().is_ok()
}

impl<'a> Parsed<'a> {
    /// The values of an attribute that holds for a medium: its own, else those of the medium whose path it shares
    /// (RFC 9143 section 7), else the session's.
    fn values(&self, medium: &Section<'a>, name: &str) -> Vec<&'a str> {
        let own = medium.values(name);
        if !own.is_empty() {
            return own;
        }
        let leader = medium.values("mid").first().and_then(|mid| self.leader(mid));
        let shared = leader.map(|leader| leader.values(name)).unwrap_or_default();
        if shared.is_empty() { self.session.values(name) } else { shared }
    }

    /// The first medium of the group that this one shares a path with.
    fn leader(&self, mid: &str) -> Option<&Section<'a>> {
        let groups = self.session.values("group").into_iter();
        let mut groups = groups.filter_map(|group| Some(group.strip_prefix("BUNDLE ")?.split(' ').collect::<Vec<_>>()));
        let first = *groups.find(|group| group.contains(&mid))?.first()?;
        self.media.iter().find(|medium| medium.values("mid").contains(&first))
    }

    /// Refuses media that would not be encrypted for somebody whom the description names, or not find each other.
    pub(super) fn check(&self, kind: DescriptionKind) -> Result<(), SdpRefused> {
        for medium in self.media.iter().filter(|medium| !medium.is_rejected()) {
            let fingerprints = self.values(medium, "fingerprint");
            if !fingerprints.iter().all(|fingerprint| is_fingerprint(fingerprint)) {
                return Err(SdpRefused::Fingerprint);
            }
            if !fingerprints.iter().any(|fingerprint| hash_of(fingerprint) == "sha-256") {
                return Err(SdpRefused::FingerprintMissing);
            }
            let may = |setup: &&str| match kind {
                DescriptionKind::Offer => matches!(*setup, "actpass" | "active" | "passive"),
                DescriptionKind::Answer => matches!(*setup, "active" | "passive"),
            };
            let setup = self.values(medium, "setup");
            if setup.is_empty() || !setup.iter().all(may) {
                return Err(SdpRefused::Setup);
            }
            for (name, bytes) in [("ice-ufrag", 4..=256), ("ice-pwd", 22..=256)] {
                let values = self.values(medium, name);
                let good = |value: &&str| bytes.contains(&value.len()) && value.bytes().all(candidate::is_ice_char);
                if values.is_empty() || !values.iter().all(good) {
                    return Err(SdpRefused::Ice);
                }
            }
        }
        Ok(())
    }
}

fn hash_of(fingerprint: &str) -> String {
    fingerprint.split(' ').next().unwrap_or_default().to_ascii_lowercase()
}

/// RFC 8122 section 5, without the hashes that are broken.
fn is_fingerprint(text: &str) -> bool {
    let bytes = match hash_of(text).as_str() {
        "sha-256" => 32,
        "sha-384" => 48,
        "sha-512" => 64,
        _ => return false,
    };
    let pairs: Vec<&str> = text.split_once(' ').map(|(_, hex)| hex.split(':').collect()).unwrap_or_default();
    pairs.len() == bytes && pairs.iter().all(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()))
}
