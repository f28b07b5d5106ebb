//! Every size, count, lifetime and rate of the product, one line each.

use jiff::SignedDuration;

const fn seconds(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}

// Identity.

/// Lifetime of an access token.
pub const ACCESS_TOKEN: SignedDuration = seconds(10 * 60);
/// A session nobody refreshes for this long is over.
pub const SESSION_IDLE: SignedDuration = seconds(60 * 24 * 3600);
/// Within this time an already rotated refresh token is answered with its successor, whoever asks.
pub const REFRESH_GRACE: SignedDuration = seconds(10);
/// Rotations remembered, to tell a repeat from a thief.
pub const REFRESH_MEMORY: usize = 8;
/// Lifetime of a sign-in that went to a provider and has not come back.
pub const SIGN_IN: SignedDuration = seconds(10 * 60);
/// Lifetime of the one-time code that the callback hands to the app.
pub const LOGIN_CODE: SignedDuration = seconds(60);
/// Characters of a password, both included (NIST SP 800-63B asks for 8 at least and 64 at least as a maximum).
pub const PASSWORD: std::ops::RangeInclusive<usize> = 8..=128;
/// Characters of a person's name.
pub const NAME: usize = 100;
/// Characters of an e-mail address (RFC 5321 section 4.5.3.1.3, less the brackets).
pub const EMAIL: usize = 254;
/// Sessions shown to a person.
pub const SESSIONS_LISTED: i32 = 100;

// Sockets.

/// Lifetime of a socket ticket.
pub const TICKET: SignedDuration = seconds(30);
/// API Gateway cuts a socket after two hours.
pub const SOCKET_LIFE: SignedDuration = seconds(2 * 3600);
/// API Gateway cuts a socket that says nothing for ten minutes.
pub const SOCKET_IDLE: SignedDuration = seconds(10 * 60);
/// A lease lasts half a minute longer.
pub const SOCKET_LEASE: SignedDuration = seconds(10 * 60 + 30);
/// A client is told to open its next socket between these two ages of the current one.
pub const ROLLOVER: (SignedDuration, SignedDuration) = (seconds(105 * 60), seconds(115 * 60));
/// Bytes of one frame from a client.
pub const FRAME: usize = 32 * 1024;
/// People asked for in one `presence.get`.
pub const PRESENCE_PEOPLE: usize = 20;
/// Facts an inbox can replay after a gap.
pub const INBOX_MEMORY: usize = 8;
/// Connections of one person that a push goes to; older ones beyond it get nothing.
pub const CONNECTIONS: usize = 10;
/// Posts to connections under way at once.
pub const POSTS_AT_ONCE: usize = 32;

// Calls.

/// People in one call, the caller counted.
pub const CALL_PEOPLE: usize = 8;
/// How long a call rings by the server's clock (Matrix MSC2746 recommends 90 s at least).
pub const RING: SignedDuration = seconds(90);
/// Calls to one person in a row that nobody took up; one more has to wait until this long after the first. Who is called
/// back starts anew.
pub const CALLS_IN_VAIN: (u32, SignedDuration) = (3, seconds(10 * 60));
/// People that a call remembers, those who left counted.
pub const CALL_ROSTER: usize = 32;
/// How long people can talk on the FREE plan, from the first answer.
pub const CALL_FREE: SignedDuration = seconds(60 * 60);
/// No plan's call lasts longer; what belongs to a call is cleaned up after it.
pub const CALL_LONGEST: SignedDuration = seconds(12 * 3600);
/// How long before its end a call is told of it.
pub const CALL_WARNING: SignedDuration = seconds(5 * 60);
/// Who takes part is believed to be there this long after the last sign of life.
pub const CALL_LEASE: SignedDuration = seconds(45);
/// A device says this often that it is there, so that one lost sign changes nothing.
pub const CALL_HEARTBEAT: SignedDuration = seconds(20);
/// After the lease somebody has this long to come back, before the call goes on without them.
pub const CALL_RETURN: SignedDuration = seconds(30);
/// Bytes of one session description.
pub const SDP: usize = 64 * 1024;
/// Media sections of one session description.
pub const MEDIA_SECTIONS: usize = 16;
/// Bytes of one ICE candidate line.
pub const CANDIDATE: usize = 1024;
/// Candidates in one batch.
pub const CANDIDATE_BATCH: usize = 32;
/// Candidates in one description, and kept for one side that is not connected; later ones are refused.
pub const CANDIDATES_KEPT: usize = 128;
/// Bytes of the candidates that are kept for one side; those of a browser have 200 each at most.
pub const CANDIDATES_BYTES: usize = 32 * 1024;
/// Lifetime of a TURN credential. A client asks for the next one before, and a call that stands is not cut by its end.
pub const TURN_CREDENTIAL: SignedDuration = seconds(3600);
/// Calls on one page of a history.
pub const PAGE: std::ops::RangeInclusive<u32> = 1..=100;
/// Calls on a page when nobody says how many.
pub const PAGE_DEFAULT: u32 = 20;
/// How deep `offset` reaches; a cursor reaches everywhere.
pub const OFFSET: u32 = 500;
/// Calls that a page looks at when it looks for some of them.
pub const HISTORY_LOOK: u32 = 200;

// Call quality.

/// Reports of a call are taken for this long after its end.
pub const QUALITY_LATE: SignedDuration = seconds(5 * 60);
/// A device's clock may be wrong by this much.
pub const QUALITY_SKEW: SignedDuration = seconds(60);
/// Milliseconds between two reports of one stretch: sooner is a repeat, later is a new beginning.
pub const QUALITY_INTERVAL: std::ops::RangeInclusive<u32> = 1_000..=300_000;
/// Points that one person's account of a call keeps, shared by the peers that it is about.
pub const QUALITY_POINTS: usize = 60;
/// Seconds after which what was heard is added to its day while the call goes on.
pub const QUALITY_FOLD: u32 = 60;
/// Milliseconds of the longest round trip, and of the largest jitter, that is believed.
pub const QUALITY_DELAY: u32 = 60_000;
/// Bits a second that no stream exceeds.
pub const QUALITY_BITRATE: u64 = 1_000_000_000;
/// Hundredths of MOS from which sound is excellent, good, fair and poor; below it is bad. Near R = 90, 80, 70 and 60,
/// the categories of ITU-T G.109.
pub const QUALITY_MOS: [u32; 4] = [430, 400, 360, 310];
/// Freezes a minute up to which a picture is excellent, good, fair and poor.
pub const QUALITY_FREEZES: [u64; 4] = [0, 2, 6, 12];
/// Thousandths of the frames that may be dropped up to then.
pub const QUALITY_DROPPED: [u32; 4] = [10, 50, 100, 250];
/// Kilobits a second of a moving picture that it needs for that.
pub const QUALITY_PICTURE: [u64; 4] = [300, 150, 75, 30];
/// Accounts of a call are kept for so long.
pub const QUALITY_KEPT: SignedDuration = seconds(90 * 24 * 3600);
/// What a person heard in a day is kept for so long.
pub const QUALITY_DAYS_KEPT: SignedDuration = seconds(400 * 24 * 3600);
/// Days that one summary covers, at most and when nobody says.
pub const QUALITY_DAYS: (i32, i32) = (90, 7);
// Recordings.

/// Bytes of one part of a recording; only the last may have fewer than the first of these (S3's own bound).
pub const PART: std::ops::RangeInclusive<u64> = 5 * 1024 * 1024..=64 * 1024 * 1024;
/// Parts of one recording.
pub const PARTS: usize = 256;
/// Bytes of all recordings that a person keeps on the plan FREE, those under way counted.
pub const STORAGE_FREE: u64 = 1024 * 1024 * 1024;
/// Recordings that a call remembers after they were stopped.
pub const RECORDINGS_REMEMBERED: usize = 8;
/// Bytes that may follow after a recording was stopped: what waited in the recorder's memory, and the part that it was
/// sending.
pub const RECORDING_AFTER: u64 = 2 * *PART.end();
/// How long they may follow.
pub const RECORDING_LATE: SignedDuration = seconds(15 * 60);
/// Recordings of one person that are under way at once.
pub const RECORDINGS_OPEN: usize = 8;
/// A recording that got no part for this long is abandoned.
pub const RECORDING_IDLE: SignedDuration = seconds(3600);
/// A recording is abandoned after this long at the latest: S3 drops the parts of an upload after a day at the earliest.
pub const RECORDING_LONGEST: SignedDuration = seconds(23 * 3600);
/// S3 has dropped the parts of an upload by then, counted from when the recording was asked for: its upload begins within
/// [`RECORDING_IDLE`], and a lifecycle of a day ends with the next day, UTC.
pub const RECORDING_DROPPED: SignedDuration = seconds(49 * 3600);
/// How long what was abandoned or deleted is remembered, so that a repeat hears what became of it.
pub const RECORDING_MEMORY: SignedDuration = seconds(24 * 3600);
/// Lifetime of a URL that uploads a part.
pub const PART_LINK: SignedDuration = seconds(15 * 60);
/// Lifetime of a URL that plays a recording.
pub const RECORDING_LINK: SignedDuration = seconds(5 * 60);

// HTTP.

/// Bytes of one request body.
pub const BODY: usize = 128 * 1024;
/// Time for one request, below API Gateway's own 29 s.
pub const REQUEST: SignedDuration = seconds(25);

/// How long the first answer to a request with an `Idempotency-Key` is kept.
pub const REPLAY: SignedDuration = seconds(24 * 3600);
/// A signed-out session's access tokens are believed this long at most, where nothing of weight depends on them.
pub const REVOCATION: SignedDuration = seconds(60);

// Rates.

/// Whom a rate counts apart from whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// The network that a request comes from, see [`crate::quota::network`].
    Source,
    /// An e-mail address; a device that has signed in with it before counts for itself.
    Address,
    /// A person.
    Person,
    /// A session.
    Session,
    /// A connection.
    Connection,
}

/// Where a rate is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// In the store: one count for all processes, one conditional write each time.
    Together,
    /// In each process by itself: costs nothing, and a crowd of processes allows a crowd of times as much.
    Apart,
}

/// What becomes of a request when the store cannot count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenDown {
    /// It goes on: being there matters more.
    Open,
    /// It is refused: letting everybody guess matters more.
    Closed,
}

macro_rules! rates {
    ($($(#[$doc:meta])* $name:ident $wire:literal $burst:literal then 1 per $millis:literal ms each $per:ident $counted:ident $down:ident;)*) => {
        /// How often something may be done: a bucket of `burst` that gets one back every `refill`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Rate {
            $($(#[$doc])* $name,)*
        }

        impl Rate {
            /// Every rate.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in headers and in `GET /api/v1/limits`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire,)* }
            }

            /// How often at once.
            pub fn burst(self) -> u32 {
                match self { $(Self::$name => $burst,)* }
            }

            /// How long until one more.
            pub fn refill(self) -> SignedDuration {
                match self { $(Self::$name => SignedDuration::from_millis($millis),)* }
            }

            /// Whom it counts.
            pub fn per(self) -> Per {
                match self { $(Self::$name => Per::$per,)* }
            }

            /// Where it is counted.
            pub fn counted(self) -> Counted {
                match self { $(Self::$name => Counted::$counted,)* }
            }

            /// What becomes of a request when the store cannot count it.
            pub fn when_down(self) -> WhenDown {
                match self { $(Self::$name => WhenDown::$down,)* }
            }
        }
    };
}

rates! {
    /// Passwords tried from one place.
    Login "login" 5 then 1 per 20_000 ms each Source Together Closed;
    /// Passwords tried for one address, by everybody who has not signed in with it before.
    LoginAddress "login_address" 10 then 1 per 60_000 ms each Address Together Closed;
    /// Accounts made from one place.
    Registration "registration" 5 then 1 per 1_200_000 ms each Source Together Closed;
    /// Sign-ins with a provider begun, and one-time codes tried, from one place.
    SignIn "sign_in" 20 then 1 per 3_000 ms each Source Together Closed;
    /// Refreshes of one session.
    Refresh "refresh" 60 then 1 per 10_000 ms each Session Together Open;
    /// Sockets opened: each needs a ticket, and a ticket opens one.
    Ticket "ticket" 10 then 1 per 5_000 ms each Person Together Open;
    /// Calls begun.
    CallSetup "call_setup" 20 then 1 per 60_000 ms each Person Together Open;
    /// What moves a call over HTTP: descriptions, candidates, joins, signs of life, a consent. Hanging up and a no to a
    /// recording are never refused.
    Signal "signal" 240 then 1 per 250 ms each Person Apart Open;
    /// Lists of ICE servers. A call needs one, a page that is loaded another; all credentials of a person share one quota at
    /// the TURN server, so a second one gives nothing and counting in each process is enough.
    IceServers "ice_servers" 100 then 1 per 60_000 ms each Person Apart Open;
    /// Reports of a call's quality: one every ten seconds, and some to catch up.
    Quality "quality" 20 then 1 per 5_000 ms each Person Apart Open;
    /// Parts of recordings granted.
    RecordingPart "recording_part" 60 then 1 per 1_000 ms each Person Apart Open;
    /// Recordings stopped, completed and deleted.
    Recording "recording" 60 then 1 per 1_000 ms each Person Apart Open;
    /// Frames said on one connection.
    Frame "frame" 120 then 1 per 500 ms each Connection Apart Open;
    /// Frames refused for their rate; one more, and the connection is closed.
    Strike "strike" 3 then 1 per 60_000 ms each Connection Apart Open;
}
