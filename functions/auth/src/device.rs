//! Devices that have signed in with an address before (OWASP: device cookies). A guesser who uses up the tries for an
//! address does not use up theirs.

use api::secret::{hash, random};
use domain::text::Email;

use crate::state::State;

/// A token that tells this device from all others when it signs in with this address again.
pub(crate) fn token(email: &Email, state: &State) -> String {
    let device = random(state.entropy());
    let tag = state.device_key.tag(&message(email, &device));
    format!("{device}.{tag}")
}

/// Whom a try at this address counts for: the device, when it has been here before, else everybody else.
pub(crate) fn counted_as(email: &Email, token: Option<&str>, state: &State) -> String {
    let known = token.and_then(|token| token.split_once('.'));
    match known.filter(|(device, tag)| state.device_key.is_tag(&message(email, device), tag)) {
        Some((device, _)) => hash(message(email, device)),
        None => hash(email.as_str()),
    }
}

fn message(email: &Email, device: &str) -> String {
    format!("{email}\n{device}")
}
