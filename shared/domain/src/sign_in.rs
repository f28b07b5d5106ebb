//! A sign-in that went to a provider and comes back once, in the browser that began it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::limit;
use crate::text::{Challenge, ReturnTo};

/// SHA-256 of a secret that only its holder has, base64url.
pub type SecretHash = String;

/// What the sign-in is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Whoever comes back is signed in.
    SignIn,
    /// The provider's identity is linked to this account, or its profile brought up to date.
    Link(UserId),
}

/// A sign-in under way. It is stored under the hash of its `state` and deleted by the first use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// What it is for.
    pub purpose: Purpose,
    /// Hash of the secret in the cookie of the browser that began it.
    pub browser: SecretHash,
    /// Hash of a secret that the app keeps until it exchanges the one-time code: a code that was begun elsewhere is
    /// worth nothing to it, so nobody can be signed in as somebody else by a link.
    #[serde(default)]
    pub challenge: Option<Challenge>,
    /// Where the app goes afterwards.
    pub return_to: Option<ReturnTo>,
    /// Later it is refused.
    pub expires_at: Timestamp,
}

/// Why a callback is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInRefused {
    /// No such sign-in: never begun, already used, or begun in another browser.
    #[error("this sign-in was not begun in this browser, or was finished before")]
    Unknown,
    /// It took longer than [`limit::SIGN_IN`].
    #[error("this sign-in took too long")]
    Expired,
}

impl SignIn {
    /// A sign-in that begins now.
    pub fn begin(purpose: Purpose, browser: SecretHash, return_to: Option<ReturnTo>, now: Timestamp) -> Self {
        Self { purpose, browser, challenge: None, return_to, expires_at: now + limit::SIGN_IN }
    }

    /// Whether the browser that came back is the one that began it. Only then may it be used up.
    pub fn is_of(&self, browser: &str) -> bool {
        self.browser == *browser
    }

    /// The sign-in, taken out of the store by the browser that began it.
    pub fn come_back(self, now: Timestamp) -> Result<Self, SignInRefused> {
        if now < self.expires_at { Ok(self) } else { Err(SignInRefused::Expired) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::SignedDuration;

    use super::*;

    const ALICE: &str = "alice";
    const ALICES_SECOND_TAB: &str = "alice's second tab";
    const MALLORY: &str = "mallory";

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Callback { state: usize, browser: &'static str },
        Wait,
    }

    /// What the store does in one conditional delete.
    fn take(states: &mut BTreeMap<usize, SignIn>, state: usize, browser: &str) -> Result<SignIn, SignInRefused> {
        match states.get(&state) {
            Some(found) if found.is_of(browser) => Ok(states.remove(&state).expect("found above")),
            _ => Err(SignInRefused::Unknown),
        }
    }

    #[test]
    fn every_order_of_two_tabs_a_repeat_and_a_stranger_uses_each_state_once() {
        let steps = [
            Step::Callback { state: 0, browser: ALICE },
            Step::Callback { state: 1, browser: ALICES_SECOND_TAB },
            Step::Callback { state: 0, browser: MALLORY },
            Step::Callback { state: 2, browser: ALICE },
            Step::Callback { state: 0, browser: ALICES_SECOND_TAB },
            Step::Wait,
        ];
        let (mut runs, mut came_back_late) = (0, 0);
        for number in 0..steps.len().pow(5) {
            let order: Vec<Step> = (0..5).map(|i| steps[number / steps.len().pow(i) % steps.len()]).collect();
            let began = Timestamp::UNIX_EPOCH;
            let mut now = began;
            let mut states: BTreeMap<usize, SignIn> = [(0, ALICE), (1, ALICES_SECOND_TAB), (2, MALLORY)]
                .into_iter()
                .map(|(state, browser)| (state, SignIn::begin(Purpose::SignIn, browser.to_owned(), None, began)))
                .collect();
            let mut used = [0; 3];
            for step in &order {
                match *step {
                    Step::Wait => now += SignedDuration::from_mins(6),
                    Step::Callback { state, browser } => {
                        let owner = [ALICE, ALICES_SECOND_TAB, MALLORY][state];
                        match take(&mut states, state, browser).and_then(|found| found.come_back(now)) {
                            Ok(_) => {
                                used[state] += 1;
                                assert_eq!(browser, owner, "{order:?}");
                                assert!(now.duration_since(began) < limit::SIGN_IN, "{order:?}");
                            }
                            Err(SignInRefused::Expired) => came_back_late += 1,
                            Err(SignInRefused::Unknown) => {}
                        }
                    }
                }
            }
            assert!(used.iter().all(|times| *times <= 1), "{order:?}");
            assert_eq!(used[2], 0, "Alice's browser never finishes Mallory's sign-in: {order:?}");
            runs += 1;
        }
        assert_eq!(runs, 7_776);
        assert!(came_back_late > 0);
    }
}
