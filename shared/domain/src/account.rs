//! A person's account and its ways in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::text::{Email, Name};

/// What a provider says of a person (OpenID Connect Core section 5.1). A missing field says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Full name.
    pub name: Option<Name>,
    /// First name.
    pub given_name: Option<Name>,
    /// Last name.
    pub family_name: Option<Name>,
    /// E-mail address.
    pub email: Option<Email>,
    /// Whether the provider checked the address.
    pub email_verified: Option<bool>,
    /// URL of a picture, https only.
    pub picture: Option<String>,
}

impl Profile {
    /// What is known now plus what the provider asserts today: nothing known is ever blanked.
    #[must_use]
    pub fn updated_by(self, asserted: Self) -> Self {
        // "verified" belongs to an address: a new address without the word is not verified.
        let email_verified = if asserted.email.is_some() && asserted.email != self.email {
            asserted.email_verified.or(Some(false))
        } else {
            asserted.email_verified.or(self.email_verified)
        };
        Self {
            name: asserted.name.or(self.name),
            given_name: asserted.given_name.or(self.given_name),
            family_name: asserted.family_name.or(self.family_name),
            email: asserted.email.or(self.email),
            email_verified,
            picture: asserted.picture.or(self.picture),
        }
    }
}

/// A provider's name for a person: `sub` means something only together with who said it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The configured issuer, one spelling for all that the provider uses.
    pub issuer: String,
    /// The provider's id of the person.
    pub sub: String,
}

/// An account at LinkedIn that signs in to this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedIn {
    /// Who it is there.
    pub subject: Subject,
    /// What LinkedIn said last.
    pub profile: Profile,
    /// When it was linked.
    pub linked_at: Timestamp,
    /// The provider's access token, sealed, while it lives.
    pub token: Option<SealedToken>,
}

/// A provider's access token, encrypted for this account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedToken {
    /// Nonce and ciphertext, base64url.
    pub sealed: String,
    /// The provider refuses it afterwards.
    pub expires_at: Timestamp,
}

/// A person's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id, everywhere.
    pub id: UserId,
    /// What others see.
    pub name: Name,
    /// The address the person signs in with, when there is a password.
    pub password_email: Option<Email>,
    /// The linked LinkedIn account.
    pub linkedin: Option<LinkedIn>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Why an account stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountRefused {
    /// Unlinking would lock the person out.
    #[error("this is the only way into the account")]
    LastWayIn,
    /// Another LinkedIn account is linked already.
    #[error("another LinkedIn account is linked to this account")]
    LinkedOtherwise,
    /// Nothing is linked.
    #[error("no LinkedIn account is linked")]
    NotLinked,
}

impl Account {
    /// An account that begins with an e-mail address and a password.
    pub fn register(id: UserId, name: Name, email: Email, now: Timestamp) -> Self {
        Self { id, name, password_email: Some(email), linkedin: None, created_at: now, updated_at: now }
    }

    /// An account that begins with a first sign-in at LinkedIn.
    pub fn from_linkedin(id: UserId, linkedin: LinkedIn, now: Timestamp) -> Self {
        let name = linkedin.profile.name.clone().unwrap_or_else(|| "LinkedIn member".parse().expect("a valid name"));
        Self { id, name, password_email: None, linkedin: Some(linkedin), created_at: now, updated_at: now }
    }

    /// Links a LinkedIn account, or takes over what it says today when it is linked already.
    pub fn link(self, linkedin: LinkedIn, now: Timestamp) -> Result<Self, AccountRefused> {
        let linkedin = match self.linkedin {
            None => linkedin,
            Some(known) if known.subject == linkedin.subject => LinkedIn {
                profile: known.profile.updated_by(linkedin.profile),
                token: linkedin.token.or(known.token),
                ..known
            },
            Some(_) => return Err(AccountRefused::LinkedOtherwise),
        };
        let name = linkedin.profile.name.clone().unwrap_or(self.name);
        Ok(Self { name, linkedin: Some(linkedin), updated_at: now, ..self })
    }

    /// Removes the LinkedIn account, if another way in remains.
    pub fn unlink(self, now: Timestamp) -> Result<(Self, Subject), AccountRefused> {
        let Some(linkedin) = self.linkedin else { return Err(AccountRefused::NotLinked) };
        if self.password_email.is_none() {
            return Err(AccountRefused::LastWayIn);
        }
        Ok((Self { linkedin: None, updated_at: now, ..self }, linkedin.subject))
    }

    /// The address to show, and whether somebody checked it.
    pub fn email(&self) -> Option<(&Email, bool)> {
        let linked = self
            .linkedin
            .as_ref()
            .and_then(|l| Some((l.profile.email.as_ref()?, l.profile.email_verified == Some(true))));
        match &self.password_email {
            Some(email) => Some((email, linked == Some((email, true)))),
            None => linked,
        }
    }

    /// URL of a picture.
    pub fn picture(&self) -> Option<&str> {
        self.linkedin.as_ref().and_then(|l| l.profile.picture.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linkedin(sub: &str, profile: Profile) -> LinkedIn {
        let subject = Subject { issuer: "https://www.linkedin.com".into(), sub: sub.into() };
        LinkedIn { subject, profile, linked_at: Timestamp::UNIX_EPOCH, token: None }
    }

    fn name(text: &str) -> Name {
        text.parse().expect("a valid name")
    }

    fn email(text: &str) -> Email {
        text.parse().expect("a valid address")
    }

    fn full() -> Profile {
        Profile {
            name: Some(name("Ada Lovelace")),
            given_name: Some(name("Ada")),
            family_name: Some(name("Lovelace")),
            email: Some(email("ada@example.com")),
            email_verified: Some(true),
            picture: Some("https://example.com/ada.png".into()),
        }
    }

    #[test]
    fn a_provider_that_says_less_today_blanks_nothing() {
        assert_eq!(full().updated_by(Profile::default()), full());
        let moved = full().updated_by(Profile { email: Some(email("ada@other.example")), ..Profile::default() });
        assert_eq!(moved.email_verified, Some(false), "a new address is not verified by the old word");
        assert_eq!(moved.name, full().name);
    }

    #[test]
    fn the_last_way_in_stays() {
        let now = Timestamp::UNIX_EPOCH;
        let id = UserId::derived([1; 16]);
        let only_linkedin = Account::from_linkedin(id, linkedin("1", full()), now);
        assert_eq!(only_linkedin.unlink(now), Err(AccountRefused::LastWayIn));
        let both = Account::register(id, name("Ada"), email("ada@example.com"), now)
            .link(linkedin("1", full()), now)
            .expect("free");
        let (left, gone) = both.unlink(now).expect("a password remains");
        assert_eq!((left.linkedin.clone(), gone.sub.as_str()), (None, "1"));
        assert_eq!(left.unlink(now), Err(AccountRefused::NotLinked));
    }

    #[test]
    fn a_second_linkedin_account_does_not_replace_the_first() {
        let now = Timestamp::UNIX_EPOCH;
        let account = Account::from_linkedin(UserId::derived([1; 16]), linkedin("1", full()), now);
        assert_eq!(account.link(linkedin("2", full()), now), Err(AccountRefused::LinkedOtherwise));
    }

    #[test]
    fn a_registered_address_is_verified_only_by_the_provider_of_the_same_address() {
        let now = Timestamp::UNIX_EPOCH;
        let account = Account::register(UserId::derived([1; 16]), name("Ada"), email("ada@example.com"), now);
        assert_eq!(account.email().map(|(_, verified)| verified), Some(false));
        let linked = account.link(linkedin("1", full()), now).expect("free");
        assert_eq!(linked.email().map(|(_, verified)| verified), Some(true));
    }
}
