//! Sign in with LinkedIn (OpenID Connect), and with whatever provider is configured in its place.
//!
//! LinkedIn is not a model provider: it returns no nonce and takes no PKCE from confidential clients, its
//! issuer has two spellings, `email_verified` may be a string, and the client authenticates in the body.
//! What a nonce would give is had otherwise: the code comes over TLS from the token endpoint, the state
//! is bound to the browser, and `sub` must be the same in the id_token and at the userinfo endpoint.

use domain::account::{Profile, Subject};
use http::{Request, header};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use oauth2::basic::{
    BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    ExtraTokenFields, RedirectUrl, Scope, StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::http::{Http, HttpError};

/// Clocks differ: a token is believed this long before and after its times.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// A provider, as configured.
#[derive(Clone)]
pub struct Settings {
    /// `LINKEDIN_CLIENT_ID`.
    pub client_id: String,
    /// `LINKEDIN_CLIENT_SECRET`.
    pub client_secret: String,
    /// `LINKEDIN_ISSUERS`, the first one names the provider in our store.
    pub issuers: Vec<String>,
    /// `LINKEDIN_AUTH_URL`.
    pub auth_url: String,
    /// `LINKEDIN_TOKEN_URL`.
    pub token_url: String,
    /// `LINKEDIN_USERINFO_URL`.
    pub userinfo_url: String,
    /// `LINKEDIN_JWKS_URL`.
    pub jwks_url: String,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("client_id", &self.client_id)
            .field("issuers", &self.issuers)
            .finish_non_exhaustive()
    }
}

/// Why the provider vouches for nobody. The text is for our log, never for the caller.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The provider refused the code or the token.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// The provider does not know us: the client id or the secret is wrong.
    #[error("the provider does not know us, check LINKEDIN_CLIENT_ID and LINKEDIN_CLIENT_SECRET: {0}")]
    Misconfigured(String),
    /// No answer, or none that can be read.
    #[error("the provider is unavailable: {0}")]
    Unavailable(String),
    /// An answer that must not be believed.
    #[error("the provider's answer is not believed: {0}")]
    NotBelieved(String),
}

impl From<HttpError> for ProviderError {
    fn from(error: HttpError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// What a sign-in brought.
#[derive(Clone)]
pub struct Grant {
    /// Who it is there.
    pub subject: Subject,
    /// What the provider says of them.
    pub profile: Profile,
    /// Asks for the profile again later.
    pub access_token: String,
    /// The provider refuses the token afterwards.
    pub expires_at: Timestamp,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct IdToken {
    id_token: Option<String>,
}
impl ExtraTokenFields for IdToken {}

type Tokens = StandardTokenResponse<IdToken, BasicTokenType>;
type Client = oauth2::Client<
    BasicErrorResponse,
    Tokens,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// `aud` may be one or many (RFC 7519 section 4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct IdClaims {
    iss: String,
    aud: Audience,
    azp: Option<String>,
    sub: String,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    email: Option<String>,
    email_verified: Option<serde_json::Value>,
    picture: Option<String>,
}

/// The provider's client.
#[derive(Debug)]
pub struct LinkedIn {
    settings: Settings,
    client: Client,
    http: Http,
    keys: Mutex<Option<JwkSet>>,
}

impl LinkedIn {
    /// A client for the configured provider. Refuses addresses that are not URLs, naming the variable.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let url = |name: &str, text: &str| {
            let url = url::Url::parse(text).map_err(|error| format!("{name}: {error}"))?;
            let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
            match url.scheme() {
                "https" => Ok(text.to_owned()),
                "http" if loopback => Ok(text.to_owned()),
                _ => Err(format!("{name}: must be an https URL")),
            }
        };
        url("LINKEDIN_USERINFO_URL", &settings.userinfo_url)?;
        url("LINKEDIN_JWKS_URL", &settings.jwks_url)?;
        if settings.issuers.is_empty() {
            return Err("LINKEDIN_ISSUERS: must name at least one issuer".into());
        }
        let auth_url = AuthUrl::new(url("LINKEDIN_AUTH_URL", &settings.auth_url)?).map_err(|e| e.to_string())?;
        let token_url = TokenUrl::new(url("LINKEDIN_TOKEN_URL", &settings.token_url)?).map_err(|e| e.to_string())?;
        let client = oauth2::Client::new(ClientId::new(settings.client_id.clone()))
            .set_client_secret(ClientSecret::new(settings.client_secret.clone()))
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(auth_url)
            .set_token_uri(token_url);
        Ok(Self { settings, client, http: Http::default(), keys: Mutex::new(None) })
    }

    /// The provider's name in our store.
    pub fn issuer(&self) -> &str {
        &self.settings.issuers[0]
    }

    /// Where a browser goes to sign in.
    pub fn authorize_url(&self, redirect_uri: &str, state: &str) -> Result<String, ProviderError> {
        let redirect = redirect(redirect_uri)?;
        let (url, _) = self
            .client
            .authorize_url(|| CsrfToken::new(state.to_owned()))
            .set_redirect_uri(std::borrow::Cow::Owned(redirect))
            .add_scopes(["openid", "profile", "email"].map(|scope| Scope::new(scope.to_owned())))
            .url();
        Ok(url.into())
    }

    /// Redeems a code: tokens, a verified id_token, and the profile of the same person.
    pub async fn redeem(&self, code: &str, redirect_uri: &str, now: Timestamp) -> Result<Grant, ProviderError> {
        let redirect = redirect(redirect_uri)?;
        // A code works once, so it is sent again only when it never left.
        let http = self.http.clone();
        let send = move |request| {
            let http = http.clone();
            async move { http.send(request).await }
        };
        let tokens = self
            .client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_redirect_uri(std::borrow::Cow::Owned(redirect))
            .request_async(&send)
            .await
            .map_err(|error| match error {
                oauth2::RequestTokenError::ServerResponse(refused) => match refused.error() {
                    BasicErrorResponseType::InvalidClient | BasicErrorResponseType::UnauthorizedClient => {
                        ProviderError::Misconfigured(refused.error().to_string())
                    }
                    error => ProviderError::Refused(error.to_string()),
                },
                oauth2::RequestTokenError::Request(error) => error.into(),
                other => ProviderError::Unavailable(other.to_string()),
            })?;
        let id_token = tokens.extra_fields().id_token.as_deref();
        let id_token = id_token.ok_or_else(|| ProviderError::NotBelieved("no id_token".into()))?;
        let sub = self.verify(id_token, now).await?;
        let access_token = tokens.access_token().secret().clone();
        let (said, profile) = self.userinfo(&access_token).await?;
        if said != sub {
            return Err(ProviderError::NotBelieved("id_token and userinfo name different people".into()));
        }
        let lives =
            tokens.expires_in().and_then(|lives| SignedDuration::try_from(lives).ok()).unwrap_or(SignedDuration::ZERO);
        let subject = Subject { issuer: self.issuer().to_owned(), sub };
        Ok(Grant { subject, profile, access_token, expires_at: now.saturating_add(lives).unwrap_or(now) })
    }

    /// What the provider says today of the person whose token this is.
    pub async fn userinfo(&self, access_token: &str) -> Result<(String, Profile), ProviderError> {
        let request = Request::get(&self.settings.userinfo_url)
            .header(header::AUTHORIZATION, format!("Bearer {access_token}"))
            .header(header::ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|error| ProviderError::Refused(error.to_string()))?;
        let answer = self.http.send_idempotent(request).await?;
        if !answer.status().is_success() {
            let said = format!("userinfo said {}", answer.status());
            return Err(if answer.status().is_client_error() {
                ProviderError::Refused(said)
            } else {
                ProviderError::Unavailable(said)
            });
        }
        let info: UserInfo = serde_json::from_slice(answer.body())
            .map_err(|error| ProviderError::Unavailable(format!("userinfo: {error}")))?;
        if info.sub.is_empty() || info.sub.len() > 255 {
            return Err(ProviderError::NotBelieved("no usable sub".into()));
        }
        Ok((info.sub.clone(), info.into()))
    }

    /// Checks an id_token (OpenID Connect Core section 3.1.3.7) and returns its `sub`.
    async fn verify(&self, token: &str, now: Timestamp) -> Result<String, ProviderError> {
        let not_believed = |why: String| ProviderError::NotBelieved(why);
        let header = jsonwebtoken::decode_header(token).map_err(|error| not_believed(error.to_string()))?;
        // Pinned: neither `none` nor a shared secret is ever a signature of a provider.
        let algorithms = [Algorithm::RS256, Algorithm::ES256];
        if !algorithms.contains(&header.alg) {
            return Err(not_believed(format!("algorithm {:?}", header.alg)));
        }
        let key = self.key(header.kid.as_deref()).await?;
        let mut validation = Validation::new(header.alg);
        validation.validate_exp = false; // by our own clock, below
        validation.validate_aud = false; // with `azp`, below
        validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        let claims = jsonwebtoken::decode::<IdClaims>(token, &key, &validation)
            .map_err(|error| not_believed(error.to_string()))?
            .claims;
        let ours = |audience: &str| audience == self.settings.client_id;
        let meant_for_us = match &claims.aud {
            Audience::One(audience) => ours(audience),
            Audience::Many(audiences) => {
                audiences.iter().any(|a| ours(a)) && (audiences.len() == 1 || claims.azp.as_deref().is_some_and(ours))
            }
        };
        if !meant_for_us {
            return Err(not_believed("audience".into()));
        }
        if !self.settings.issuers.contains(&claims.iss) {
            return Err(not_believed("issuer".into()));
        }
        let second = now.as_second();
        let later = |at: i64| at.saturating_sub(LEEWAY.as_secs()) > second;
        if claims.exp.saturating_add(LEEWAY.as_secs()) <= second || later(claims.iat) || claims.nbf.is_some_and(later) {
            return Err(not_believed("times".into()));
        }
        Ok(claims.sub)
    }

    /// The key with this id. An unknown id is looked up once more at the provider, whose keys may have rotated.
    async fn key(&self, kid: Option<&str>) -> Result<DecodingKey, ProviderError> {
        let find = |keys: &JwkSet| match kid {
            Some(kid) => keys.find(kid).cloned(),
            None if keys.keys.len() == 1 => keys.keys.first().cloned(),
            None => None,
        };
        let mut known = self.keys.lock().await;
        let mut found = known.as_ref().and_then(find);
        if found.is_none() {
            let request = Request::get(&self.settings.jwks_url).body(Vec::new());
            let request = request.map_err(|error| ProviderError::Refused(error.to_string()))?;
            let answer = self.http.send_idempotent(request).await?;
            let keys: JwkSet = serde_json::from_slice(answer.body())
                .map_err(|error| ProviderError::Unavailable(format!("keys: {error}")))?;
            found = find(&keys);
            *known = Some(keys);
        }
        let jwk = found.ok_or_else(|| ProviderError::NotBelieved("unknown key".into()))?;
        DecodingKey::from_jwk(&jwk).map_err(|error| ProviderError::NotBelieved(error.to_string()))
    }
}

fn redirect(uri: &str) -> Result<RedirectUrl, ProviderError> {
    RedirectUrl::new(uri.to_owned()).map_err(|error| ProviderError::Refused(format!("redirect URI: {error}")))
}

/// What cannot be read is not said: a strange picture must not keep anybody from signing in.
impl From<UserInfo> for Profile {
    fn from(info: UserInfo) -> Self {
        let name = |text: Option<String>| {
            let text: String = text?.chars().filter(|c| !c.is_control()).take(domain::limit::NAME).collect();
            text.parse().ok()
        };
        Self {
            name: name(info.name),
            given_name: name(info.given_name),
            family_name: name(info.family_name),
            email: info.email.and_then(|email| email.parse().ok()),
            email_verified: info
                .email_verified
                .and_then(|value| value.as_bool().or_else(|| value.as_str()?.parse().ok())),
            picture: info.picture.filter(|picture| picture.len() <= 2048 && picture.starts_with("https://")),
        }
    }
}
