//! Every code, with its words.

use serde::{Serialize, Serializer};

/// Whether asking again helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same request will be refused again.
    No,
    /// The very same request may be sent again at once.
    Same,
    /// The very same request may be sent again after a while.
    Later,
}

impl Retry {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Same => "same",
            Self::Later => "later",
        }
    }
}

macro_rules! problems {
    ($($name:ident $code:literal $status:literal $retry:ident $title:literal, $remedy:literal;)*) => {
        /// The code of a problem. Codes are stable; titles and remedies may get better.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What happened, in general.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What to do, one imperative sentence.
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }

            /// Whether asking again helps.
            pub fn retry(self) -> Retry {
                match self { $(Self::$name => Retry::$retry,)* }
            }
        }
    };
}

problems! {
    // Any request.
    MalformedJson "malformed_json" 400 No "The body is not JSON", "Send one JSON object, UTF-8, at most 64 levels deep.";
    InvalidFields "invalid_fields" 422 No "Some fields are not valid", "Correct the fields named in errors.";
    BodyTooLarge "body_too_large" 413 No "The body is too large", "Send at most 128 KB.";
    UnsupportedMediaType "unsupported_media_type" 415 No "The body's type is not JSON", "Send the header content-type: application/json.";
    RouteUnknown "route_unknown" 404 No "There is no such route", "Look the path up in /openapi.json.";
    MethodNotAllowed "method_not_allowed" 405 No "The route does not take this method", "Use a method named in the Allow header.";
    Conflict "conflict" 409 Same "Somebody else changed it at the same time", "Send the same request again.";
    Busy "busy" 503 Later "The store is busy", "Send the same request again after the seconds in Retry-After.";
    Timeout "timeout" 504 Later "The request took too long", "Look whether it took effect, then send it again.";
    Internal "internal" 500 Later "Something went wrong on our side", "Try again; if it stays, report the request id in instance.";
    TooManyRequests "too_many_requests" 429 Later "A limit is reached", "Wait the seconds in retry_after; GET /api/v1/limits lists every limit.";
    IdempotencyMismatch "idempotency_mismatch" 422 No "The idempotency key was used for another request", "Use a new key for a new request.";

    // Identity.
    TokenMissing "token_missing" 401 No "The request is not signed in", "Send the header Authorization: Bearer with an access token.";
    TokenInvalid "token_invalid" 401 No "The access token is not one of ours", "Sign in again.";
    TokenExpired "token_expired" 401 No "The access token has expired", "Get a new one with POST /auth/refresh.";
    WrongCredentials "wrong_credentials" 401 No "The e-mail address or the password is wrong", "Correct them, or register.";
    EmailTaken "email_taken" 409 No "There is an account with this e-mail address", "Sign in, or use another address.";
    CodeRefused "code_refused" 400 No "The one-time code was used, is too old or is not ours", "Start the sign-in again.";
    RefreshInvalid "refresh_invalid" 401 No "The refresh token is not one of ours", "Sign in again.";
    RefreshReused "refresh_reused" 401 No "The refresh token was used before, so its session was ended", "Sign in again; if it was not you, change your password.";
    SessionExpired "session_expired" 401 No "The session has expired", "Sign in again.";
    SessionRevoked "session_revoked" 401 No "The session was signed out", "Sign in again.";
    SessionUnknown "session_unknown" 404 No "There is no such session", "List yours with GET /auth/sessions.";
    AccountGone "account_gone" 401 No "The account is gone", "Sign in again.";

    // LinkedIn.
    SignInRefused "sign_in_refused" 400 No "This sign-in was not begun in this browser, or was finished before", "Start the sign-in again, in one browser.";
    SignInExpired "sign_in_expired" 400 No "This sign-in took longer than ten minutes", "Start the sign-in again.";
    LastWayIn "last_way_in" 409 No "LinkedIn is the only way into this account", "Keep it, or delete the account.";
    NotLinked "not_linked" 409 No "No LinkedIn account is linked", "Link one with GET /auth/linkedin/auth-url while signed in.";
    LinkedOtherwise "linked_otherwise" 409 No "Another LinkedIn account is linked to this account", "Unlink it first with POST /auth/linkedin/unlink.";
    LinkedInTaken "linkedin_taken" 409 No "This LinkedIn account belongs to another account here", "Sign in with LinkedIn, and unlink it there first.";
    ProviderUnavailable "provider_unavailable" 502 Later "LinkedIn did not answer as expected", "Try again in a minute.";

    // Calls.
    CallUnknown "call_unknown" 404 No "There is no such call", "List yours with GET /api/webrtc/calls/active.";
    NobodyCalled "nobody_called" 422 No "A call needs somebody else", "Name at least one person in participants.";
    TooManyPeople "too_many_people" 422 No "A call has at most eight people, the caller counted", "Name at most seven in participants.";
    CalledOneself "called_oneself" 422 No "The caller takes part anyway", "Leave your own id out of participants.";
    CalledTwice "called_twice" 422 No "Somebody is named twice", "Name everybody once in participants.";
    PersonUnknown "person_unknown" 422 No "There is no such person", "Correct the ids in participants.";
    CalledInVain "called_in_vain" 429 Later "This person did not take up several calls in a row", "Wait the seconds in retry_after, or be called back.";
    Superseded "superseded" 409 No "The two of you have a call already", "Join the call that superseded_by names.";
    CallOver "call_over" 409 No "The call is over", "Start a new call.";
    AnsweredElsewhere "answered_elsewhere" 409 No "The call was answered on another device", "Go on there, or hang up there first.";
    LeftCall "left_call" 409 No "This person is no longer in the call", "Start a new call.";
    StaleGeneration "stale_generation" 409 No "This is about a stay in the call that is over", "Read the call; to come back, join it with your generation in it.";
    NotHost "not_host" 403 No "Only the host of the call may do this", "Ask the person that host_id names.";
    NotJoined "not_joined" 409 No "The call was not answered yet", "Answer it first with POST …/answer or …/join.";
    AddresseeMissing "addressee_missing" 422 No "The call has more than two people", "Say whom it is for in to.";
    NotAPeer "not_a_peer" 422 No "The addressee is not another person of this call", "Name another participant in to.";
    OfferPending "offer_pending" 409 No "The other side's offer came first", "Answer that offer instead of sending one.";
    NoOffer "no_offer" 409 No "There is no offer to answer", "Wait for the other side's offer.";
    StaleOffer "stale_offer" 409 No "The two have negotiated further than this", "Go on from the newest description; epoch and generation say which it is.";
    OfferAnswered "offer_answered" 409 No "The offer was answered before", "Wait for the next offer.";
    TooManyCandidates "too_many_candidates" 409 No "Too many candidates wait for the other side", "Send an offer with an ICE restart when the other side is back.";
    QualityOutside "quality_outside" 422 No "The report is of a time outside of the call", "Count at_ms from the call's start_time, by the server's clock.";
    QualityAbsurd "quality_absurd" 422 No "The report cannot be true", "Send the counters of getStats as they are, never their differences.";
    RecordingUnderWay "recording_under_way" 409 No "The call is being recorded already", "Wait until that recording is over.";
    NotRecorded "not_recorded" 409 No "There is no such recording under way", "Ask for one with POST …/recording.";
    StaleConsent "stale_consent" 409 No "This yes is not about the call as it stands", "Read the call, ask the person again, and send its seq.";
    ConsentMissing "consent_missing" 409 No "Not everybody in the call has consented to the recording", "Wait until they have; the call says who is missing.";
    CursorInvalid "cursor_invalid" 422 No "The cursor is not one of ours, or of another list", "Start again without a cursor.";

    // Recordings.
    NotRecorder "not_recorder" 403 No "Somebody else made this recording", "Ask its recorder or the call's host.";
    RecordingUnknown "recording_unknown" 404 No "There is no such recording", "List yours with GET /api/v1/recordings.";
    RecordingClosed "recording_closed" 409 No "The recording is closed", "Ask for a new recording.";
    RecordingStopped "recording_stopped" 409 No "The recording was stopped, and what could follow has", "Complete it with the parts that were granted.";
    RecordingEmpty "recording_empty" 409 No "Nothing was uploaded", "Upload a part first, or delete the recording.";
    RecordingIncomplete "recording_incomplete" 409 No "What was uploaded is not in the bucket any more", "Delete the recording.";
    PartOutOfOrder "part_out_of_order" 409 No "Parts come one after the other, each of 5 MiB at least but the last", "Ask for the part after the last one.";
    PartChanged "part_changed" 409 No "This part was granted for other bytes", "Send the bytes that it was granted for.";
    StorageFull "storage_full" 409 No "Your recordings take all the room of your plan", "Delete a recording first.";
    TooManyRecordings "too_many_recordings" 409 No "Too many of your recordings are under way", "Complete or delete one of them first.";

    // Sockets.
    TicketRefused "ticket_refused" 401 No "The ticket was used, is too old or is not ours", "Get a new one with POST /auth/ws-ticket.";
    OriginRefused "origin_refused" 403 No "This page may not open the socket", "Add its origin to ALLOWED_ORIGINS.";
    ConnectionUnknown "connection_unknown" 401 No "This connection was closed", "Connect again with a new ticket.";
    FrameMalformed "frame_malformed" 400 No "The frame is not one of the contract's", "Send {action, id, data} as in /asyncapi.json.";
    FrameTooLarge "frame_too_large" 413 No "The frame is too large", "Send at most 32 KB.";
    ActionUnknown "action_unknown" 400 No "There is no such action", "Use an action of /asyncapi.json.";
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
