//! `POST /auth/linkedin/unlink`

use api::{Confirmed, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::account::AccountRefused;
use socket::{Code, Problem};

use crate::state::State;
use crate::view::LinkedInProfile;

/// Removes the LinkedIn account, unless it is the only way in. Removing it twice changes nothing.
#[utoipa::path(
    post, path = "/auth/linkedin/unlink", operation_id = "linkedinUnlink", tag = "linkedin", security(("bearer" = [])),
    responses((status = 200, body = LinkedInProfile), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn linkedin_unlink(
    Extract(state): Extract<State>,
    Confirmed(caller): Confirmed,
) -> Result<Json<LinkedInProfile>, Refusal> {
    for _ in 0..4 {
        let read = state.accounts.find(caller.sub).await?.ok_or_else(|| Problem::new(Code::AccountGone))?;
        let (account, subject) = match read.value.clone().unlink(state.now()) {
            Err(AccountRefused::NotLinked) => return Ok(Json(LinkedInProfile::of(&read.value))),
            unlinked => unlinked?,
        };
        match state.accounts.unlink(&account, read.version, &subject).await {
            Err(stale) if stale.is_stale() => {}
            saved => {
                saved?;
                return Ok(Json(LinkedInProfile::of(&account)));
            }
        }
    }
    Err(Problem::new(Code::Conflict).into())
}
