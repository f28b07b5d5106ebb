//! `GET /api/webrtc/calls/history`

use api::page::{Limit, Offset};
use api::{Caller, Query, Refusal, refusal::invalid};
use axum::Json;
use axum::extract::State as Extract;
use domain::call::{Call, CallKind};
use domain::history::Filter;
use domain::id::UserId;
use domain::limit;
use serde::Serialize;
use socket::Problem;
use socket::view::CallView;
use store::calls::From;
use utoipa::ToSchema;

use crate::state::State;
use crate::view::live;

api::body! {
    /// Which page.
    pub(crate) struct Which {
        missed: Option<bool>,
        r#type: Option<CallKind>,
        with: Option<UserId>,
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
    /// Newest first. Those that are not over are in `calls/active`.
    items: Vec<CallView>,
    /// Asks for the next page.
    next_cursor: Option<String>,
    pagination: Pagination,
}

/// Lists the caller's calls that are over, newest first: all, or those that were missed, of a type, with somebody. A page
/// costs the same however long the history is. Whoever looks for some looks at 200 calls a page, so a page can be short and
/// have a next one. `offset` is for clients of the predecessor and reaches 500 deep.
#[utoipa::path(
    get, path = "/api/webrtc/calls/history", operation_id = "callHistory", tag = "calls", security(("bearer" = [])),
    params(("missed" = Option<bool>, Query), ("type" = Option<CallKind>, Query), ("with" = Option<UserId>, Query), ("limit" = Option<u32>, Query, minimum = 1, maximum = 100), ("cursor" = Option<String>, Query, min_length = 1), ("offset" = Option<u32>, Query, maximum = 500)),
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
    let searched = which.missed.is_some() || which.r#type.is_some() || which.with.is_some();
    if searched && which.offset.is_some() {
        return Err(invalid("?offset", "a search goes on by cursor").into());
    }
    let filter = Filter { missed: which.missed.unwrap_or(false), kind: which.r#type, with: which.with };
    let list = format!("history of {} {filter:?}", caller.sub);
    let limit = which.limit.map_or(limit::PAGE_DEFAULT, |limit| limit.0);
    let offset = which.offset.map_or(0, |offset| offset.0);
    let read = async || {
        let from = match &which.cursor {
            Some(cursor) => From::After(state.cursors.read(&list, cursor)?),
            None => From::Newest,
        };
        Ok::<_, Problem>(state.switchboard.calls.history(caller.sub, from, offset + limit, filter).await?)
    };
    let mut page = read().await?;
    // A call that the clock has ended and nobody has asked about since belongs to the newest page, too.
    if which.cursor.is_none() && live(&state, caller.sub, &page.calls).await?.iter().any(Call::is_over) {
        page = read().await?;
    }
    let (rows, now) = (page.calls.iter().skip(offset as usize), state.now());
    let next_cursor = page.next.map(|place| state.cursors.write(&list, &place));
    let pagination = Pagination { limit, offset, has_more: next_cursor.is_some() };
    Ok(Json(History { items: rows.map(|call| CallView::of(call, now)).collect(), next_cursor, pagination }))
}
