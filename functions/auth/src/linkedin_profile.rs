//! `GET /auth/linkedin/profile`

use api::{Caller, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use socket::{Code, Problem};

use crate::state::State;
use crate::view::LinkedInProfile;

/// Shows what LinkedIn said last of the caller.
#[utoipa::path(
    get, path = "/auth/linkedin/profile", operation_id = "linkedinProfile", tag = "linkedin", security(("bearer" = [])),
    responses((status = 200, body = LinkedInProfile), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn linkedin_profile(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
) -> Result<Json<LinkedInProfile>, Refusal> {
    let account = state.accounts.find(caller.sub).await?.ok_or_else(|| Problem::new(Code::AccountGone))?;
    Ok(Json(LinkedInProfile::of(&account.value)))
}
