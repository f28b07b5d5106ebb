//! One thing wrong at a time, and what must become of it.

use super::super::SdpRefused::{self, *};
use crate::limit;

/// In which descriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    Answers,
}

/// What becomes of a description.
#[derive(Clone, Copy, Debug)]
pub(super) enum Becomes {
    Refused(SdpRefused),
    /// What it was before the change.
    Stripped,
    /// It passes as it is.
    Itself,
}
use Becomes::{Itself, Refused, Stripped};

/// A change to a good description.
pub(super) struct Mutation {
    pub(super) what: &'static str,
    pub(super) scope: Scope,
    pub(super) change: fn(&str) -> String,
    pub(super) becomes: Becomes,
}

fn each(text: &str, prefix: &str, line: impl Fn(&str) -> String) -> String {
    let change = |all: &str| if all.starts_with(prefix) { line(all.trim_end()) } else { all.to_owned() };
    text.split_inclusive('\n').map(change).collect()
}

/// Every line that begins like this is another one.
fn set(text: &str, prefix: &str, line: &str) -> String {
    each(text, prefix, |_| format!("{line}\r\n"))
}

/// Every line that begins like this is gone.
fn without(text: &str, prefix: &str) -> String {
    each(text, prefix, |_| String::new())
}

/// One more line before the media.
fn in_session(text: &str, line: &str) -> String {
    text.replacen("t=0 0\r\n", &format!("t=0 0\r\n{line}\r\n"), 1)
}

/// Every fingerprint is this many bytes of this hash.
fn fingerprint(text: &str, hash: &str, bytes: usize) -> String {
    set(text, "a=fingerprint:", &format!("a=fingerprint:{hash} {}", vec!["AB"; bytes].join(":")))
}

macro_rules! mutations {
    ($($what:literal $($scope:ident)?: $change:expr => $becomes:expr;)*) => {
        /// To descriptions, then candidates put at their end.
        pub(super) const MUTATIONS: &[Mutation] = &[$(
            Mutation { what: $what, scope: mutations!(@ $($scope)?), change: $change, becomes: $becomes },
        )*];
    };
    (@) => { Scope::All };
    (@ answers) => { Scope::Answers };
}

/// A candidate at the end, from its address on.
macro_rules! to {
    ($rest:literal) => {
        |text| format!("{text}a=candidate:1 1 udp 2113937151 {}\r\n", $rest)
    };
}

/// A candidate at the end, in full.
macro_rules! line {
    ($line:literal) => {
        |text| format!("{text}a=candidate:{}\r\n", $line)
    };
}

mutations! {
    // Lines.
    "nothing": |_| String::new() => Refused(NotSdp);
    "words": |_| "hello".into() => Refused(NotSdp);
    "too large": |text| format!("{text}a={}\r\n", "x".repeat(limit::SDP)) => Refused(TooLarge { most: limit::SDP, is: 0 });
    "another version": |text| text.replacen("v=0", "v=1", 1) => Refused(NotSdp);
    "a version with more": |text| text.replacen("v=0", "v=00", 1) => Refused(NotSdp);
    "a second origin": |text| text.replacen("s=", "o=- 1 1 IN IP4 127.0.0.1\r\ns=", 1) => Refused(NotSdp);
    "a byte order mark": |text| format!("\u{feff}{text}") => Refused(NotSdp);
    "a blank line first": |text| format!("\r\n{text}") => Refused(NotSdp);
    "a blank line within": |text| text.replacen("t=0 0\r\n", "t=0 0\r\n\r\n", 1) => Refused(NotSdp);
    "no origin": |text| without(text, "o=") => Refused(NotSdp);
    "a short origin": |text| set(text, "o=", "o=- 1 1") => Refused(NotSdp);
    "an origin elsewhere": |text| set(text, "o=", "o=- 1 1 ATM NSAP 47") => Refused(NotSdp);
    "no name": |text| without(text, "s=") => Refused(NotSdp);
    "no time": |text| without(text, "t=") => Refused(NotSdp);
    "time only after the media": |text| format!("{}t=0 0\r\n", without(text, "t=")) => Refused(NotSdp);
    "name before origin": |text| in_session(&without(text, "s="), "s=-") => Refused(NotSdp);
    "NUL": |text| in_session(text, "a=x\0y") => Refused(NotSdp);
    "an escape sequence": |text| in_session(text, "a=\u{1b}[31m") => Refused(NotSdp);
    "delete": |text| in_session(text, "a=\u{7f}") => Refused(NotSdp);
    "next line, as Unicode has it": |text| in_session(text, "a=x\u{85}a=y") => Refused(NotSdp);
    "a vertical tab": |text| in_session(text, "a=x\u{b}") => Refused(NotSdp);
    "a line within a line": |text| in_session(text, "a=x\ra=crypto:1 AES_CM_128_HMAC_SHA1_80") => Refused(NotSdp);
    "two carriage returns": |text| in_session(text, "a=x\r") => Refused(NotSdp);
    "only carriage returns": |text| text.replace("\r\n", "\r") => Refused(NotSdp);
    "no equals sign": |text| in_session(text, "a") => Refused(NotSdp);
    "a space before": |text| in_session(text, " a=x") => Refused(NotSdp);
    "an unknown type": |text| in_session(text, "x=1") => Refused(NotSdp);
    "a type in capitals": |text| text.replacen("m=", "M=", 1) => Refused(NotSdp);
    "a letter of two bytes": |text| in_session(text, "ä=1") => Refused(NotSdp);
    "an origin within a medium": |text| format!("{text}o=- 1 1 IN IP4 0.0.0.0\r\n") => Refused(NotSdp);
    "a medium without a port": |text| format!("{text}m=audio\r\n") => Refused(NotSdp);
    "a medium without a format": |text| format!("{text}m=audio 9 RTP/AVP\r\n") => Refused(NotSdp);
    "a medium with a port too high": |text| format!("{text}m=audio 65536 RTP/AVP 0\r\n") => Refused(NotSdp);
    "a medium with a negative port": |text| format!("{text}m=audio -1 RTP/AVP 0\r\n") => Refused(NotSdp);
    "a medium with two spaces": |text| format!("{text}m=audio  9 RTP/AVP 0\r\n") => Refused(NotSdp);
    "too many media": |text| format!("{text}{}", "m=audio 0 RTP/AVP 0\r\n".repeat(16)) => Refused(TooManySections { is: 0 });
    "too many candidates": |text| format!("{text}{}", "a=candidate:1 1 udp 1 8.8.8.8 5000 typ host\r\n".repeat(129)) => Refused(TooManyCandidates { is: 0 });
    "lines that end in Unix's way": |text| text.replace("\r\n", "\n") => Itself;
    "a last line that does not end": |text| text.trim_end().into() => Itself;
    "an attribute that nobody knows": |text| format!("{text}a=x-colour:blue\r\n") => Itself;
    "words of any language": |text| set(text, "s=", "s=Ünïcödé 会议") => Itself;
    // Keys.
    "SDES in a medium": |text| format!("{text}a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d2F0Y2ggbWUK\r\n") => Refused(Keys);
    "SDES in the session": |text| in_session(text, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d2F0Y2ggbWUK") => Refused(Keys);
    "a key in the clear": |text| in_session(text, "k=clear:open") => Refused(Keys);
    "a key in a medium": |text| format!("{text}k=prompt\r\n") => Refused(Keys);
    "MIKEY": |text| format!("{text}a=key-mgmt:mikey AQAFgM0X\r\n") => Refused(Keys);
    // Fingerprints.
    "no fingerprint": |text| without(text, "a=fingerprint:") => Refused(FingerprintMissing);
    "a fingerprint in capitals only": |text| text.replace("a=fingerprint:", "a=FINGERPRINT:") => Refused(NotSdp);
    "a medium without encryption": |text| format!("{}m=audio 9 RTP/AVP 0\r\na=setup:active\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n", without(text, "a=fingerprint:")) => Refused(FingerprintMissing);
    "only SHA-512": |text| fingerprint(text, "sha-512", 64) => Refused(FingerprintMissing);
    "only SHA-1": |text| fingerprint(text, "sha-1", 20) => Refused(Fingerprint);
    "SHA-1 with the length of another": |text| fingerprint(text, "sha-1", 32) => Refused(Fingerprint);
    "MD5": |text| fingerprint(text, "md5", 16) => Refused(Fingerprint);
    "a fingerprint that is short": |text| fingerprint(text, "sha-256", 31) => Refused(Fingerprint);
    "a fingerprint that is long": |text| fingerprint(text, "sha-256", 33) => Refused(Fingerprint);
    "a fingerprint without a hash": |text| set(text, "a=fingerprint:", "a=fingerprint:AB:CD") => Refused(Fingerprint);
    "an empty fingerprint": |text| set(text, "a=fingerprint:", "a=fingerprint:") => Refused(Fingerprint);
    "a fingerprint of other letters": |text| each(text, "a=fingerprint:", |line| format!("{}ZZ\r\n", &line[..line.len() - 2])) => Refused(Fingerprint);
    "a fingerprint without colons": |text| each(text, "a=fingerprint:", |line| format!("a=fingerprint:{}\r\n", line[14..].replace(':', ""))) => Refused(Fingerprint);
    "SHA-1 beside a good one": |text| each(text, "a=fingerprint:", |line| format!("{line}\r\na=fingerprint:sha-1 {}\r\n", ["AB"; 20].join(":"))) => Refused(Fingerprint);
    "SHA-512 beside a good one": |text| each(text, "a=fingerprint:", |line| format!("{line}\r\na=fingerprint:sha-512 {}\r\n", ["AB"; 64].join(":"))) => Itself;
    "a fingerprint in small letters": |text| each(text, "a=fingerprint:", |line| format!("{}\r\n", line.to_ascii_lowercase())) => Itself;
    // Who begins DTLS.
    "no setup": |text| without(text, "a=setup:") => Refused(Setup);
    "holdconn": |text| set(text, "a=setup:", "a=setup:holdconn") => Refused(Setup);
    "an empty setup": |text| set(text, "a=setup:", "a=setup:") => Refused(Setup);
    "a made-up setup": |text| set(text, "a=setup:", "a=setup:Active") => Refused(Setup);
    "a second setup that is none": |text| each(text, "a=setup:", |line| format!("{line}\r\na=setup:holdconn\r\n")) => Refused(Setup);
    "an answer that leaves it open" answers: |text| set(text, "a=setup:", "a=setup:actpass") => Refused(Setup);
    "who waits": |text| set(text, "a=setup:", "a=setup:passive") => Itself;
    // ICE.
    "no fragment": |text| without(text, "a=ice-ufrag:") => Refused(Ice);
    "no password": |text| without(text, "a=ice-pwd:") => Refused(Ice);
    "a short fragment": |text| set(text, "a=ice-ufrag:", "a=ice-ufrag:abc") => Refused(Ice);
    "a long fragment": |text| set(text, "a=ice-ufrag:", &format!("a=ice-ufrag:{}", "x".repeat(257))) => Refused(Ice);
    "a short password": |text| set(text, "a=ice-pwd:", &format!("a=ice-pwd:{}", "x".repeat(21))) => Refused(Ice);
    "a long password": |text| set(text, "a=ice-pwd:", &format!("a=ice-pwd:{}", "x".repeat(257))) => Refused(Ice);
    "a fragment with a space": |text| set(text, "a=ice-ufrag:", "a=ice-ufrag:ab cd") => Refused(Ice);
    "a password with a dash": |text| set(text, "a=ice-pwd:", &format!("a=ice-pwd:{}", "-".repeat(22))) => Refused(Ice);
    "the shortest of both": |text| set(&set(text, "a=ice-pwd:", &format!("a=ice-pwd:{}", "x".repeat(22))), "a=ice-ufrag:", "a=ice-ufrag:abcd") => Itself;
    "the longest of both": |text| set(&set(text, "a=ice-pwd:", &format!("a=ice-pwd:{}", "x".repeat(256))), "a=ice-ufrag:", &format!("a=ice-ufrag:{}", "x".repeat(256))) => Itself;
    "a rejected medium that says nothing": |text| format!("{text}m=audio 0 RTP/AVP 0\r\n") => Itself;
    "a medium that says nothing and is not rejected, alone": |text| format!("{}m=video 9 RTP/AVP 0\r\na=mid:lonely\r\n", without(text, "a=setup:")) => Refused(Setup);
    // Candidates that are none.
    "a candidate of words": line!("nonsense") => Refused(NotCandidate);
    "an empty candidate": line!("") => Refused(NotCandidate);
    "no type": line!("1 1 udp 1 8.8.8.8 5000") => Refused(NotCandidate);
    "a made-up type": line!("1 1 udp 1 8.8.8.8 5000 typ magic") => Refused(NotCandidate);
    "a made-up transport": line!("1 1 sctp 1 8.8.8.8 5000 typ host") => Refused(NotCandidate);
    "two spaces": line!("1 1 udp 1  8.8.8.8 5000 typ host") => Refused(NotCandidate);
    "component 0": line!("1 0 udp 1 8.8.8.8 5000 typ host") => Refused(NotCandidate);
    "component 257": line!("1 257 udp 1 8.8.8.8 5000 typ host") => Refused(NotCandidate);
    "priority 0": line!("1 1 udp 0 8.8.8.8 5000 typ host") => Refused(NotCandidate);
    "a priority too high": line!("1 1 udp 99999999999 8.8.8.8 5000 typ host") => Refused(NotCandidate);
    "a negative priority": line!("1 1 udp -1 8.8.8.8 5000 typ host") => Refused(NotCandidate);
    "a long foundation": line!("123456789012345678901234567890123 1 udp 1 8.8.8.8 5000 typ host") => Refused(NotCandidate);
    "a foundation with a dash": line!("a-b 1 udp 1 8.8.8.8 5000 typ host") => Refused(NotCandidate);
    "no foundation": line!(" 1 udp 1 8.8.8.8 5000 typ host") => Refused(NotCandidate);
    "port 65536": to!("8.8.8.8 65536 typ host") => Refused(NotCandidate);
    "a negative port": to!("8.8.8.8 -1 typ host") => Refused(NotCandidate);
    "a port with a sign": to!("8.8.8.8 +5000 typ host") => Refused(NotCandidate);
    "an extension without a value": to!("8.8.8.8 5000 typ host generation") => Refused(NotCandidate);
    "a related port that is none": to!("8.8.8.8 5000 typ srflx raddr 0.0.0.0 rport x") => Refused(NotCandidate);
    // Names that would be looked up.
    "a name": to!("evil.example.com 5000 typ host") => Refused(HostName);
    "localhost": to!("localhost 5000 typ host") => Refused(HostName);
    "a name below local": to!("a.b.local 5000 typ host") => Refused(HostName);
    "local alone": to!(".local 5000 typ host") => Refused(HostName);
    "local with a dot": to!("a.local. 5000 typ host") => Refused(HostName);
    "not quite local": to!("a.local.example.com 5000 typ host") => Refused(HostName);
    "loopback as one number": to!("2130706433 5000 typ host") => Refused(HostName);
    "loopback in octal": to!("0177.0.0.1 5000 typ host") => Refused(HostName);
    "loopback in hexadecimal": to!("0x7f000001 5000 typ host") => Refused(HostName);
    "loopback in short": to!("127.1 5000 typ host") => Refused(HostName);
    "an address in brackets": to!("[::1] 5000 typ host") => Refused(HostName);
    "a name behind": to!("8.8.8.8 5000 typ srflx raddr evil.example.com rport 0") => Refused(HostName);
    // Addresses that nobody is sent to.
    "loopback": to!("127.0.0.1 5000 typ host") => Stripped;
    "loopback's last": to!("127.255.255.254 5000 typ srflx raddr 0.0.0.0 rport 0") => Stripped;
    "loopback, IPv6": to!("::1 5000 typ host") => Stripped;
    "loopback, in full": to!("0:0:0:0:0:0:0:1 5000 typ host") => Stripped;
    "loopback that says it is a relay": to!("127.0.0.1 5000 typ relay raddr 0.0.0.0 rport 0") => Stripped;
    "unspecified": to!("0.0.0.0 5000 typ host") => Stripped;
    "this network": to!("0.1.2.3 5000 typ host") => Stripped;
    "unspecified, IPv6": to!(":: 5000 typ host") => Stripped;
    "metadata": to!("169.254.169.254 5000 typ host") => Stripped;
    "a container's credentials": to!("169.254.170.2 5000 typ host") => Stripped;
    "metadata, IPv6": to!("fd00:ec2::254 5000 typ host") => Stripped;
    "mapped": to!("::ffff:8.8.8.8 5000 typ host") => Stripped;
    "mapped loopback": to!("::ffff:7f00:1 5000 typ host") => Stripped;
    "compatible": to!("::10.0.0.1 5000 typ host") => Stripped;
    "translated": to!("::ffff:0:10.0.0.1 5000 typ host") => Stripped;
    "NAT64": to!("64:ff9b::a9fe:a9fe 5000 typ host") => Stripped;
    "local NAT64": to!("64:ff9b:1::a00:1 5000 typ host") => Stripped;
    "6to4": to!("2002:7f00:1:: 5000 typ host") => Stripped;
    "multicast": to!("224.0.0.251 5353 typ host") => Stripped;
    "broadcast": to!("255.255.255.255 5000 typ host") => Stripped;
    "multicast, IPv6": to!("ff02::fb 5353 typ host") => Stripped;
    "a zone": to!("fe80::1%eth0 5000 typ host") => Stripped;
    "port 0": to!("8.8.8.8 0 typ host") => Stripped;
    "SSH": to!("10.0.0.1 22 typ host") => Stripped;
    "DNS": to!("8.8.8.8 53 typ srflx raddr 0.0.0.0 rport 0") => Stripped;
    "DNS that says it is a relay": to!("8.8.8.8 53 typ relay raddr 0.0.0.0 rport 0") => Stripped;
    "the last port of a service": to!("8.8.8.8 1023 typ host") => Stripped;
    "a web server that is dialled": line!("1 1 tcp 1 10.0.0.1 80 typ host tcptype passive") => Stripped;
    "port 9 that is dialled": line!("1 1 tcp 1 10.0.0.1 9 typ host tcptype passive") => Stripped;
    "UDP that says it only dials": to!("10.0.0.1 9 typ host tcptype active") => Stripped;
    "a port of a service that only dials": line!("1 1 tcp 1 10.0.0.1 80 typ host tcptype active") => Stripped;
    "a service by a local name": to!("printer.local 631 typ host") => Stripped;
    // Addresses that people have.
    "the first port": to!("8.8.8.8 1024 typ host") => Itself;
    "a house": to!("192.168.1.2 5000 typ host generation 0 network-id 1") => Itself;
    "an office": to!("10.1.2.3 5000 typ host") => Itself;
    "a cable between two": to!("169.254.1.2 5000 typ host") => Itself;
    "CGNAT": to!("100.64.1.2 5000 typ host") => Itself;
    "unique local": to!("fd12:3456::1 5000 typ host") => Itself;
    "link-local": to!("fe80::1 5000 typ host") => Itself;
    "a name of multicast DNS": to!("4a1f0c6e-1f0e-4bb6-a2c8-ad0000c0ffee.local 5000 typ host") => Itself;
    "whoever only dials": line!("1 1 TCP 1 8.8.8.8 9 typ host tcptype active") => Itself;
    "whoever is dialled": line!("1 1 tcp 1 8.8.8.8 5000 typ host tcptype passive") => Itself;
    "component 2": line!("1 2 UDP 1 8.8.8.8 5000 typ prflx raddr 10.0.0.1 rport 5000") => Itself;
}
