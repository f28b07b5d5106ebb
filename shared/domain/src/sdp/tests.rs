//! Descriptions of browsers and a library, and what becomes of each of them when one thing about it is wrong.

mod mutations;

use std::mem::discriminant;

use super::*;
use mutations::{Becomes, MUTATIONS, Mutation, Scope};

/// What they said, from `sdp/corpus`: Chromium with and without a camera, gathering and again without sound; Firefox; the
/// library libdatachannel.
const CORPUS: [(&str, DescriptionKind, &str); 6] = [
    ("chromium, media", DescriptionKind::Offer, include_str!("corpus/chromium-media-offer.sdp")),
    ("chromium, media", DescriptionKind::Answer, include_str!("corpus/chromium-media-answer.sdp")),
    ("chromium, no camera", DescriptionKind::Offer, include_str!("corpus/chromium-bare-offer.sdp")),
    ("chromium, sound rejected", DescriptionKind::Offer, include_str!("corpus/chromium-bare-again.sdp")),
    ("firefox", DescriptionKind::Offer, include_str!("corpus/firefox-offer.sdp")),
    ("libdatachannel", DescriptionKind::Answer, include_str!("corpus/node-datachannel-answer.sdp")),
];

fn corpus() -> impl Iterator<Item = (&'static str, DescriptionKind, String)> {
    CORPUS.into_iter().map(|(name, kind, text)| (name, kind, text.replace('\n', "\r\n")))
}

fn relay(text: &str, kind: DescriptionKind, addresses: Addresses) -> Result<String, SdpRefused> {
    Ok(SaidSdp::try_from(text.to_owned())?.relayed(kind, addresses)?.as_str().to_owned())
}

/// Firefox takes an attribute's name in any case and skips blanks before it.
#[test]
fn what_is_looked_at_has_one_spelling() {
    let (_, kind, good) = corpus().next().expect("one at least");
    let read = |line: &str| relay(&format!("{good}{line}\r\n"), kind, Addresses::Public);
    assert!(read("a=x-google-flag:conference").is_ok());
    for hidden in [
        "a=Candidate:1 1 udp 1 127.0.0.1 22 typ host",
        "a= candidate:1 1 udp 1 127.0.0.1 22 typ host",
        "a=\tcandidate:1 1 udp 1 127.0.0.1 22 typ host",
        "a=:candidate:1 1 udp 1 127.0.0.1 22 typ host",
        "a=CRYPTO:1 AES_CM_128_HMAC_SHA1_80 inline:x",
        "a=Fingerprint:sha-1 00",
        "a=",
    ] {
        assert!(read(hidden).is_err(), "{hidden:?}");
    }
}

#[test]
fn descriptions_of_browsers_pass_byte_for_byte() {
    for (name, kind, text) in corpus() {
        for addresses in [Addresses::Public, Addresses::Local] {
            assert_eq!(relay(&text, kind, addresses).as_deref(), Ok(text.as_str()), "{name}");
        }
    }
}

#[test]
fn whatever_is_wrong_with_a_description_is_refused_by_name_or_stripped() {
    let mut tried = 0;
    for (name, kind, text) in corpus() {
        for Mutation { what, scope, change, becomes } in MUTATIONS {
            if *scope == Scope::Answers && kind == DescriptionKind::Offer {
                continue;
            }
            let broken = change(&text);
            assert_ne!(broken, text, "{what}: nothing was changed in {name}");
            let relayed = relay(&broken, kind, Addresses::Public);
            match becomes {
                Becomes::Refused(why) => {
                    let refused = relayed.expect_err(what);
                    assert_eq!(discriminant(&refused), discriminant(why), "{what}: {name}: {refused}");
                }
                Becomes::Stripped => assert_eq!(relayed.as_deref(), Ok(text.as_str()), "{what}: {name}"),
                Becomes::Itself => assert_eq!(relayed.as_deref(), Ok(broken.as_str()), "{what}: {name}"),
            }
            tried += 1;
        }
    }
    assert!(tried > 500, "{tried}");
}

/// The same line in a batch meets the same fate as in a description.
#[test]
fn a_candidate_alone_is_treated_as_one_in_a_description() {
    let mut tried = 0;
    let text = corpus().next().expect("one").2;
    for Mutation { what, change, becomes, .. } in MUTATIONS {
        let changed = change(&text);
        let Some(line) = changed.strip_prefix(&text).and_then(|line| line.trim_end().strip_prefix("a=")) else {
            continue;
        };
        if !line.starts_with("candidate:") || line.contains("\r\n") {
            continue;
        }
        tried += 1;
        let relayed = CandidateLine::try_from(line.to_owned()).map(|candidate| {
            let one = IceCandidate { candidate, sdp_mid: None, sdp_m_line_index: None, username_fragment: None };
            CandidateBatch::from(one).relayed(Addresses::Public).len()
        });
        let wanted = match becomes {
            Becomes::Refused(why) => Err(*why),
            Becomes::Stripped => Ok(0),
            Becomes::Itself => Ok(1),
        };
        assert_eq!(relayed, wanted, "{what}");
    }
    assert!(tried > 50, "{tried}");
}

#[test]
fn on_one_machine_the_loopback_address_is_as_good_as_any() {
    let (_, kind, text) = corpus().next().expect("one");
    for (address, passes) in
        [("127.0.0.1", true), ("::1", true), ("169.254.169.254", false), ("::ffff:127.0.0.1", false)]
    {
        let with = format!("{text}a=candidate:1 1 udp 2113937151 {address} 50000 typ host\r\n");
        let relayed = relay(&with, kind, Addresses::Local).expect("good");
        assert_eq!(relayed == with, passes, "{address}");
    }
}

#[test]
fn whoever_may_only_be_reached_by_relay_shows_no_address() {
    let (_, kind, text) = corpus().find(|(name, ..)| *name == "firefox").expect("it is there");
    let hidden = SaidSdp::try_from(text.clone())
        .and_then(|said| said.relayed(kind, Addresses::Public))
        .expect("good")
        .relay_only();
    let candidates: Vec<&str> = hidden.as_str().lines().filter(|line| line.starts_with("a=candidate:")).collect();
    assert_eq!(candidates, ["a=candidate:3 1 UDP 92217087 203.0.113.9 61234 typ relay raddr 0.0.0.0 rport 0"]);
    assert!(!hidden.as_str().contains("198.51.100.7") && !hidden.as_str().contains("52113"), "{}", hidden.as_str());
    assert_eq!(hidden.relay_only(), hidden);
    for (name, kind, text) in corpus() {
        let hidden =
            SaidSdp::try_from(text).expect("good").relayed(kind, Addresses::Public).expect("good").relay_only();
        for address in ["192.0.2.2", "fd00::2", "192.168.1.20", "2001:4860:4860::20", ".local", "198.51.100.20"] {
            assert!(!hidden.as_str().contains(address), "{name}: {address}");
        }
        assert!(relay(hidden.as_str(), kind, Addresses::Public).is_ok(), "{name} is still a description");
    }
    let one = |line: &str| IceCandidate {
        candidate: line.to_owned().try_into().expect("a candidate"),
        sdp_mid: None,
        sdp_m_line_index: None,
        username_fragment: None,
    };
    let relayed = one("candidate:3 1 udp 1 203.0.113.9 61234 typ relay raddr 198.51.100.7 rport 5000 generation 0");
    let clean = one("candidate:3 1 udp 1 203.0.113.9 61234 typ relay raddr 0.0.0.0 rport 0 generation 0");
    let mixed = vec![one("candidate:1 1 udp 1 198.51.100.7 5000 typ host"), relayed, one("")];
    let relayed = CandidateBatch::try_from(mixed).expect("three").relayed(Addresses::Public);
    let left: Vec<_> = relayed.into_iter().filter_map(IceCandidate::relay_only).collect();
    assert_eq!(left, [clean, one("")]);
}

#[test]
fn addresses_do_not_print() {
    let line = CandidateLine::try_from("candidate:1 1 udp 1 10.0.0.7 5000 typ host".to_owned()).expect("a candidate");
    let (_, _, text) = corpus().next().expect("one");
    let said = SaidSdp::try_from(text).expect("good");
    assert!(!format!("{line:?} {said:?}").contains("0."));
}

proptest::proptest! {
    /// Nothing that is sent makes it fall over, and what it lets pass stays good.
    #[test]
    fn rubbish_is_refused_and_nothing_else_happens(text in "(v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n)?(([vostamck]=)?\\PC{0,30}(\r|\n|\r\n)){0,12}") {
        for kind in [DescriptionKind::Offer, DescriptionKind::Answer] {
            if let Ok(once) = relay(&text, kind, Addresses::Public) {
                assert_eq!(relay(&once, kind, Addresses::Public).as_deref(), Ok(once.as_str()));
                let hidden = Sdp(once).relay_only();
                assert_eq!(hidden.relay_only(), hidden);
            }
        }
        let _ = Sdp(text).relay_only();
    }

    /// The same for candidates, down to the last word.
    #[test]
    fn nearly_candidates_are_refused_or_pass_whole(
        address in "(127.0.0.1|::1|::|10.0.0.1|8.8.8.8|x.local|x.example|\\PC{0,9})",
        port in "(0|9|80|1024|65535|65536|\\PC{0,3})",
        kind in "(host|relay|srflx|x)",
        more in "( raddr \\PC{1,9}| rport \\PC{1,4}| tcptype active| generation 0| \\PC{0,5}){0,3}",
    ) {
        let line = format!("candidate:1 1 udp 1 {address} {port} typ {kind}{more}");
        if let Ok(candidate) = CandidateLine::try_from(line) {
            let one = IceCandidate { candidate, sdp_mid: None, sdp_m_line_index: None, username_fragment: None };
            assert_eq!(one.clone().relay_only().is_some(), kind == "relay");
            let relayed = CandidateBatch::from(one.clone()).relayed(Addresses::Public);
            assert!(relayed.is_empty() || relayed == [one]);
        }
    }
}
