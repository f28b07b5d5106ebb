//! `GET /api/webrtc/calls/history`

use api::page::{Limit, Offset};
use api::{Caller, Query, Refusal, refusal::invalid};
use axum::Json;
use axum::extract::State as Extract;
use domain::limit;
use serde::Serialize;
use socket::Problem;
use socket::view::CallView;
use store::calls::From;
use utoipa::ToSchema;

use crate::state::State;
use crate::view::as_they_stand;

api::body! {
    /// Which page.
    pub(crate) struct Which {
        limit: Option<Limit>,
        cursor: Option<String>,
        offset: Option<Offset>,
    }
}

/// Which page it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pagination {
    /// How many calls a page has.
    limit: u32,
    /// How many newer calls were left out; 0 with a cursor.
    offset: u32,
    /// Whether there may be older calls.
    has_more: bool,
}

/// A page of the caller's calls.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct History {
    /// Newest first, live calls included.
    items: Vec<CallView>,
    /// Asks for the next page.
    next_cursor: Option<String>,
    pagination: Pagination,
}

/// Lists the caller's calls, newest first. A page costs the same however long the history is; `offset` is for
/// clients of the predecessor and reaches 500 deep.
#[utoipa::path(
    get, path = "/api/webrtc/calls/history", operation_id = "callHistory", tag = "calls", security(("bearer" = [])),
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 100), ("cursor" = Option<String>, Query, min_length = 1), ("offset" = Option<u32>, Query, maximum = 500)),
    responses((status = 200, body = History), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn history(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Query(which): Query<Which>,
) -> Result<Json<History>, Refusal> {
    if which.cursor.is_some() && which.offset.is_some() {
        return Err(invalid("?offset", "send either a cursor or an offset").into());
    }
    let list = format!("history of {}", caller.sub);
    let from = match &which.cursor {
        Some(cursor) => From::After(state.cursors.read(&list, cursor)?),
        None => From::Newest,
    };
    let limit = which.limit.map_or(limit::PAGE_DEFAULT, |limit| limit.0);
    let offset = which.offset.map_or(0, |offset| offset.0);
    let page = state.switchboard.calls.history(caller.sub, from, offset + limit).await?;
    let rows = page.calls.into_iter().skip(offset as usize).collect();
    let next_cursor = page.next.map(|place| state.cursors.write(&list, &place));
    let pagination = Pagination { limit, offset, has_more: next_cursor.is_some() };
    Ok(Json(History { items: as_they_stand(&state, rows).await?, next_cursor, pagination }))
}
