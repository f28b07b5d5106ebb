//! `GET /api/recordings`

use api::page::Limit;
use api::{Caller, Query, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::limit;
use serde::Serialize;
use socket::Problem;
use utoipa::ToSchema;

use crate::state::State;
use crate::view::RecordingItem;

api::body! {
    /// Which page.
    pub(crate) struct Which {
        limit: Option<Limit>,
        cursor: Option<String>,
    }
}

/// A page of recordings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordingList {
    /// Newest first.
    items: Vec<RecordingItem>,
    /// Asks for the next page.
    next_cursor: Option<String>,
}

/// Lists the recordings that one was there for, newest first, once they are complete.
#[utoipa::path(
    get, path = "/api/recordings", operation_id = "listRecordings", tag = "recordings", security(("bearer" = [])),
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 100), ("cursor" = Option<String>, Query, min_length = 1)),
    responses((status = 200, body = RecordingList), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn list(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Query(which): Query<Which>,
) -> Result<Json<RecordingList>, Refusal> {
    let list = format!("recordings of {}", caller.sub);
    let after = match &which.cursor {
        Some(cursor) => Some(state.cursors.read(&list, cursor)?),
        None => None,
    };
    let limit = which.limit.map_or(limit::PAGE_DEFAULT, |limit| limit.0);
    let page = state.recordings.page(caller.sub, after, limit).await?;
    let items = page.recordings.iter().map(|recording| RecordingItem::of(recording, state.now())).collect();
    let next_cursor = page.next.map(|place| state.cursors.write(&list, &place));
    Ok(Json(RecordingList { items, next_cursor }))
}
