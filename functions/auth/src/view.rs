//! Shapes and steps that several endpoints share.

use api::token::Access;
use domain::account::{Account, LinkedIn};
use domain::id::{SessionId, UserId};
use domain::limit;
use domain::session::Session;
use domain::text::{Email, Name};
use http::{HeaderMap, header};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::device;
use crate::state::State;

/// A person as tokens know them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonView {
    /// Who.
    pub(crate) id: UserId,
    /// What others see.
    pub(crate) name: Name,
}

/// What a sign-in or a refresh brings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tokens {
    /// For the header `Authorization: Bearer`, a JWT.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token is refused.
    expires_in: i64,
    /// For `POST /auth/refresh`; the next answer brings the next one.
    refresh_token: String,
    /// This device's session.
    session_id: SessionId,
    /// Whose.
    user: PersonView,
    /// After a sign-in with a password: keep it on this device, and send it with the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<String>,
}

impl Tokens {
    /// With a token for a device that knows the password of this address.
    #[must_use]
    pub(crate) fn knowing(self, email: &Email, state: &State) -> Self {
        Self { device_token: Some(device::token(email, state)), ..self }
    }

    /// The newest tokens of a session.
    pub(crate) fn of(session: &Session, state: &State) -> Self {
        let access = Access { sub: session.user, name: session.name.clone(), sid: session.id, ver: session.generation };
        Self {
            access_token: state.signer.access(&access, state.now()),
            token_type: "Bearer",
            expires_in: limit::ACCESS_TOKEN.as_secs(),
            refresh_token: RefreshToken::of(session).write(state),
            session_id: session.id,
            user: PersonView { id: session.user, name: session.name.clone() },
            device_token: None,
        }
    }
}

/// A session that begins with this request.
pub(crate) fn begin_session(state: &State, user: UserId, name: Name, headers: &HeaderMap) -> Session {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("unknown device");
    let id = SessionId::new(state.now(), state.entropy());
    Session::begin(id, user, name, agent, state.now())
}

/// A refresh token: which generation of which session, and a tag that only we can make. Nothing of it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RefreshToken {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) generation: u32,
}

impl RefreshToken {
    fn of(session: &Session) -> Self {
        Self { user: session.user, session: session.id, generation: session.generation }
    }

    fn text(self) -> String {
        format!("{}.{}.{}", self.user, self.session, self.generation)
    }

    fn write(self, state: &State) -> String {
        let text = self.text();
        format!("{text}.{}", state.refresh_key.tag(&text))
    }

    /// Reads a token that we made.
    pub(crate) fn read(text: &str, state: &State) -> Option<Self> {
        let (said, tag) = text.rsplit_once('.')?;
        let mut parts = said.split('.');
        let user = parts.next()?.parse().ok()?;
        let session = parts.next()?.parse().ok()?;
        let generation = parts.next()?.parse().ok()?;
        let token = Self { user, session, generation };
        (token.text() == said && state.refresh_key.is_tag(said, tag)).then_some(token)
    }
}

/// A LinkedIn account as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkedInProfile {
    /// The account here.
    id: UserId,
    /// The id there.
    linkedin_id: Option<String>,
    /// Whether one is linked.
    is_linked: bool,
    /// Full name.
    name: Name,
    /// First name.
    given_name: Option<Name>,
    /// Last name.
    family_name: Option<Name>,
    /// E-mail address.
    email: Option<Email>,
    /// Whether LinkedIn checked the address.
    email_verified: Option<bool>,
    /// URL of a picture.
    picture: Option<String>,
    /// When the account was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl LinkedInProfile {
    /// What LinkedIn said last.
    pub(crate) fn of(account: &Account) -> Self {
        let Account { id, name, linkedin, created_at, updated_at, .. } = account.clone();
        let sub = linkedin.as_ref().map(|l| l.subject.sub.clone());
        let profile = linkedin.map(|LinkedIn { profile, .. }| profile).unwrap_or_default();
        Self {
            id,
            linkedin_id: sub.clone(),
            is_linked: sub.is_some(),
            name: profile.name.unwrap_or(name),
            given_name: profile.given_name,
            family_name: profile.family_name,
            email: profile.email,
            email_verified: profile.email_verified,
            picture: profile.picture,
            created_at,
            updated_at,
        }
    }
}
