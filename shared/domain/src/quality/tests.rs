//! Reports are constructed, not recorded, but for `recorded.json`: what two pages of Chromium told of 35 seconds between
//! them on one busy machine.

use proptest::prelude::*;

use super::point::Point;
use super::report::{Absurd, Limited, Received, Report, Sent};
use super::tally::Tally;
use super::track::Heard;
use super::verdict::of_direction;
use super::{Level, Verdict};
use crate::id::UserId;
use crate::limit;

fn user(n: u8) -> UserId {
    UserId::derived([n; 16])
}

/// Ten seconds of good sound and picture, so many times, with a loss of so many percent.
fn report(about: u8, tens: u32, percent: u64) -> Report {
    let n = u64::from(tens);
    let audio = Received {
        source: 1,
        bytes: n * 50_000,
        packets: 1 + n * (500 - 5 * percent),
        lost: n * 5 * percent,
        jitter_ms: 5,
        buffer_ms: n * 480_000 * 30,
        emitted: n * 480_000,
        samples: n * 480_000,
        concealed: n * 4_800 * percent,
        ..Received::default()
    };
    let video =
        Received { source: 2, bytes: n * 1_000_000, packets: n * 1_000, frames: n * 200, ..Received::default() };
    let sent = Sent { packets: n * 500, lost: 0, available_kbps: 2_000, limited: Limited::None };
    Report {
        user_id: user(about),
        at_ms: tens * 10_000,
        round_trip_ms: 60,
        audio: Some(audio),
        video: Some(video),
        sent: Some(sent),
    }
}

fn take(heard: Heard, report: Report) -> Heard {
    heard.take(&[report]).expect("it can be true").0
}

fn heard(by: u8, about: &[(u8, u64)]) -> Heard {
    let reports = |tens| about.iter().map(move |(about, percent)| report(*about, tens, *percent)).collect::<Vec<_>>();
    (0..=6).fold(Heard::nothing(user(by)), |heard, tens| heard.take(&reports(tens)).expect("it can be true").0)
}

fn change(heard: &mut Heard, change: impl Fn(&mut Point)) {
    heard.tracks.iter_mut().flat_map(|track| &mut track.points).for_each(change);
}

#[test]
fn a_report_that_cannot_be_true_is_refused_by_name() {
    let good = report(2, 6, 0);
    let audio = |change: fn(&mut Received)| {
        let mut audio = good.audio.expect("sound");
        change(&mut audio);
        Report { audio: Some(audio), ..good }
    };
    let sent = |change: fn(&mut Sent)| {
        let mut sent = good.sent.expect("sends");
        change(&mut sent);
        Report { sent: Some(sent), ..good }
    };
    for (bad, why) in [
        (audio(|a| a.bytes = 1 << 53), Absurd::Uncountable),
        (audio(|a| a.jitter_ms = 60_001), Absurd::Delay),
        (Report { round_trip_ms: 60_001, ..good }, Absurd::Delay),
        (audio(|a| (a.packets, a.lost) = (0, 1)), Absurd::LostBeforeAny),
        (audio(|a| a.concealed = a.samples + 1), Absurd::Concealed),
        (sent(|s| s.lost = s.packets + 1), Absurd::LostMoreThanSent),
        (sent(|s| s.available_kbps = 1_000_001), Absurd::Bitrate),
        (audio(|a| a.bytes = 2_000_000_000), Absurd::Bitrate),
    ] {
        let known = take(Heard::nothing(user(1)), report(2, 5, 0));
        assert_eq!(known.take(&[bad]).expect_err("it cannot be true"), why);
    }
}

#[test]
fn a_repeat_an_old_report_and_one_too_soon_change_nothing() {
    let known = heard(1, &[(2, 0)]);
    for at_ms in [0, 10_000, 60_000, 60_999] {
        assert_eq!(known.clone().take(&[Report { at_ms, ..report(2, 7, 50) }]), Ok((known.clone(), 0)));
    }
}

#[test]
fn a_source_that_counts_anew_is_a_beginning_and_not_a_loss() {
    let known = heard(1, &[(2, 0)]);
    let mut anew = report(2, 7, 0);
    for stream in [&mut anew.audio, &mut anew.video] {
        *stream = stream.map(|s| Received { source: s.source, packets: 3, bytes: 300, ..Received::default() });
    }
    let reset = take(known.clone(), anew);
    assert_eq!((&reset.tracks[0].points, reset.tracks[0].last), (&known.tracks[0].points, anew));
    let other = take(
        known.clone(),
        Report { audio: report(2, 7, 0).audio.map(|a| Received { source: 9, ..a }), ..report(2, 7, 0) },
    );
    assert_eq!(other.tracks[0].points.last().map(|p| (p.mos, p.picture)), Some((0, 5)), "the picture went on");
    let gap = take(known.clone(), Report { at_ms: 400_000, ..report(2, 7, 0) });
    assert_eq!(gap.tracks[0].points, known.tracks[0].points, "of a gap of five minutes nothing is said");
}

#[test]
fn losses_that_fall_when_late_packets_arrive_are_no_reset() {
    let known = take(take(Heard::nothing(user(1)), report(2, 0, 0)), report(2, 1, 4));
    let mut late = report(2, 2, 0);
    late.audio = late.audio.map(|audio| Received { lost: 3, ..audio });
    let point = *take(known, late).tracks[0].points.last().expect("a stretch");
    assert_eq!((point.lost, point.mos), (0, 441));
}

#[test]
fn levels_are_what_the_limit_page_says() {
    use Level as L;
    let levels = [441, 430, 429, 400, 360, 310, 309, 100].map(Level::of_mos);
    assert_eq!(levels, [L::Excellent, L::Excellent, L::Good, L::Good, L::Fair, L::Poor, L::Bad, L::Bad]);
    for (freezes, dropped, kbps, fps, level) in [
        (0, 0, 900, 30, L::Excellent),
        (1, 0, 900, 30, L::Good),
        (0, 60, 900, 30, L::Fair),
        (0, 0, 40, 30, L::Poor),
        (0, 0, 4, 3, L::Excellent),
        (13, 0, 900, 30, L::Bad),
    ] {
        assert_eq!(Level::of_picture(freezes, dropped, kbps, fps), level, "{freezes} {dropped} {kbps} {fps}");
    }
}

#[test]
fn a_day_of_reports_takes_no_more_room_than_an_hour_and_loses_no_second() {
    let mut account = Heard::nothing(user(1));
    for tens in 0..=8_640 {
        account = take(account, report(2, tens, 1));
        assert!(account.tracks[0].points.len() <= limit::QUALITY_POINTS);
    }
    let track = &account.tracks[0];
    assert_eq!(track.points.iter().map(|p| u64::from(p.span_ms)).sum::<u64>(), 86_400_000);
    assert_eq!((account.tally().seconds, track.tally.mos.iter().sum::<u64>()), (86_400, 86_400_000));
    let full = heard(1, &[(2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0)]);
    assert!(full.tracks.iter().all(|track| track.points.len() <= limit::QUALITY_POINTS / 7));
}

#[test]
fn a_stretch_without_a_picture_does_not_spoil_its_neighbour() {
    let of = |picture| Point { span_ms: 10_000, picture, ..Point::default() };
    for (one, two, both) in [(0, 5, 5), (5, 0, 5), (2, 5, 2), (0, 0, 0)] {
        assert_eq!(of(one).and(of(two)).picture, both);
    }
}

#[test]
fn between_two_the_sender_that_is_held_back_and_hears_well_has_a_narrow_way_up() {
    let mut speaker = heard(1, &[(2, 0)]);
    let listener = heard(2, &[(1, 15)]);
    let verdict = |speaker: &Heard| of_direction(&[speaker.clone(), listener.clone()], user(2), user(1));
    assert_eq!(verdict(&speaker), Verdict::Network, "nothing tells the way up from the way down");
    change(&mut speaker, |point| point.limited = Limited::Bandwidth);
    assert_eq!(verdict(&speaker), Verdict::Network, "its estimate grows");
    change(&mut speaker, |point| point.available_kbps = 90);
    assert_eq!(verdict(&speaker), Verdict::Uplink);
    assert_eq!(of_direction(&[speaker.clone(), listener.clone()], user(1), user(2)), Verdict::None);
    change(&mut speaker, |point| point.mos = 200);
    assert_eq!(verdict(&speaker), Verdict::Network, "both ways are bad");
    assert_eq!(of_direction(&[listener], user(2), user(1)), Verdict::Network, "the other side said nothing");
}

#[test]
fn a_third_person_tells_a_way_up_from_a_way_down() {
    let up = [heard(1, &[(2, 0), (3, 0)]), heard(2, &[(1, 20), (3, 0)]), heard(3, &[(1, 20), (2, 0)])];
    assert_eq!(of_direction(&up, user(2), user(1)), Verdict::Uplink);
    assert_eq!(of_direction(&up, user(2), user(3)), Verdict::None);
    let down = [heard(1, &[(2, 0), (3, 0)]), heard(2, &[(1, 20), (3, 20)]), heard(3, &[(1, 0), (2, 0)])];
    assert_eq!(of_direction(&down, user(2), user(1)), Verdict::Downlink);
    assert_eq!(of_direction(&down, user(3), user(1)), Verdict::None);
    let all = [heard(1, &[(2, 20), (3, 20)]), heard(2, &[(1, 20), (3, 20)]), heard(3, &[(1, 20), (2, 20)])];
    assert_eq!(of_direction(&all, user(2), user(1)), Verdict::Network);
}

#[test]
fn what_is_bad_without_a_loss_is_a_device() {
    let speaker = heard(1, &[(2, 0)]);
    let verdict = |change_to: fn(&mut Point)| {
        let mut listener = heard(2, &[(1, 0)]);
        change(&mut listener, change_to);
        of_direction(&[speaker.clone(), listener], user(2), user(1))
    };
    assert_eq!(verdict(|p| (p.picture, p.dropped) = (2, 200)), Verdict::Device);
    assert_eq!(verdict(|p| (p.mos, p.concealed) = (300, 80)), Verdict::Device);
    assert_eq!(verdict(|p| (p.mos, p.concealed, p.jitter_ms) = (300, 80, 90)), Verdict::Network, "it came too late");
    let mut slow = speaker.clone();
    change(&mut slow, |p| p.limited = Limited::Cpu);
    let mut listener = heard(2, &[(1, 0)]);
    change(&mut listener, |p| p.picture = 2);
    assert_eq!(of_direction(&[slow, listener], user(2), user(1)), Verdict::Device);
}

#[test]
fn what_chromium_recorded_on_one_machine_is_good_and_nobodys_fault() {
    let recorded: std::collections::BTreeMap<String, Vec<Report>> =
        serde_json::from_str(include_str!("recorded.json")).expect("as recorded");
    let (ada, bo) = (recorded["bo"][0].user_id, recorded["ada"][0].user_id);
    let account = |by, name: &str| recorded[name].iter().fold(Heard::nothing(by), |heard, one| take(heard, *one));
    let both = [account(ada, "ada"), account(bo, "bo")];
    for (listener, speaker) in [(ada, bo), (bo, ada)] {
        let heard = both.iter().find(|heard| heard.by == listener).expect("both told");
        let points = &heard.track(speaker).expect("of the other").points;
        assert_eq!(points.len(), recorded["ada"].len() - 1, "the first is what is counted from");
        assert!(points.iter().all(|point| point.lost == 0 && point.mos >= 400), "{points:?}");
        assert!(points[1..].iter().all(|point| point.picture >= 1), "the picture came later: {points:?}");
        assert!(points[0].mos < points[2].mos, "the jitter buffer is long at first");
        assert_eq!(of_direction(&both, listener, speaker), Verdict::None);
    }
}

#[test]
fn a_bad_moment_in_a_good_call_is_nobodys_fault() {
    let mut listener = heard(2, &[(1, 0)]);
    let long = (7..=60).fold(listener, |heard, tens| take(heard, report(1, tens, 0)));
    listener = long;
    listener.tracks[0].points[3].mos = 150;
    assert_eq!(of_direction(&[listener], user(2), user(1)), Verdict::None);
}

proptest! {
    #[test]
    fn a_part_that_is_added_and_taken_back_leaves_what_was(seconds in prop::collection::vec((100_u32..450, 0_u32..99_999), 0..40), cut in 0_usize..40) {
        let sum = |spans: &[(u32, u32)]| {
            let mut tally = Tally { calls: 1, seconds: 7, ..Tally::default() };
            for (mos, span_ms) in spans {
                tally.hear(&Point { mos: *mos, span_ms: *span_ms, ..Point::default() });
            }
            tally
        };
        let (one, two) = seconds.split_at(cut.min(seconds.len()));
        let (one, two) = (sum(one), sum(two));
        let only = one.clone().without(&Tally::default());
        prop_assert_eq!(one.clone().and(&two).without(&two), only);
        prop_assert!(one.worst() <= one.median());
    }

    #[test]
    fn no_counters_panic_or_leave_the_scale(a in any::<[u64; 8]>(), b in any::<[u64; 8]>(), ms in any::<[u32; 6]>()) {
        let received = |n: [u64; 8], jitter_ms| Received { source: 1, bytes: n[0] >> 8, packets: n[1] >> 11, lost: n[2] >> 11, jitter_ms, buffer_ms: n[3] >> 11, emitted: n[4] >> 11, samples: n[5] >> 10, concealed: n[6] >> 20, frames: n[7] >> 11, ..Received::default() };
        let of = |n, at_ms, jitter_ms, round_trip_ms| Report { user_id: user(2), at_ms, round_trip_ms, audio: Some(received(n, jitter_ms)), video: Some(received(n, jitter_ms)), sent: None };
        let first = of(a, ms[0] >> 8, ms[1] >> 17, ms[2] >> 17);
        let second = of(b, ms[3] >> 8, ms[4] >> 17, ms[5] >> 17);
        if let Ok((heard, _)) = Heard::nothing(user(1)).take(&[first, second]) {
            for point in heard.tracks.iter().flat_map(|track| &track.points) {
                prop_assert!(point.mos == 0 || (100..=450).contains(&point.mos));
                prop_assert!(point.lost <= 1_000 && point.concealed <= 1_000 && point.dropped <= 1_000 && point.picture <= 5);
                prop_assert_eq!(Point::from(<[u32; 12]>::from(*point)), *point);
            }
        }
    }
}
