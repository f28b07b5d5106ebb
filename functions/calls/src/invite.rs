//! `POST /api/webrtc/call/{id}/invite`

use api::once::{Repeatable, respond};
use api::{Answer, Caller, Keyed, Path, Refusal};
use axum::extract::State as Extract;
use axum::response::Response;
use domain::call::{CallEvent, check_callees};
use domain::id::{CallId, UserId};
use domain::limit::Rate;
use socket::view::CallView;
use socket::{Code, Problem, Push};
use store::switchboard::TRIES;

use crate::ringing::{cards, named, persons, ring, ring_again};
use crate::state::State;

api::body! {
    /// Whom to ask into the call.
    pub(crate) struct Invite {
        /// One to seven people, each once.
        #[schema(min_items = 1, max_items = 7)]
        participants: Vec<UserId>,
    }
}

/// Asks more people into a call that one is in, eight at once in all. Their devices ring for 90 s of their own. Who is in
/// it or asked already is not asked again; who had left is; whom the host removed only the host asks. Whoever
/// has not heard of it yet rings again. With an `Idempotency-Key`, repeating the request asks nobody twice.
#[utoipa::path(
    post, path = "/api/webrtc/call/{id}/invite", operation_id = "invite", tag = "calls", security(("bearer" = [])),
    params(("id" = CallId, Path), ("Idempotency-Key" = Option<String>, Header, description = "Yours, one per invitation.")), request_body = Invite,
    responses((status = 200, body = CallView), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn invite(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<CallId>,
    Keyed { body: ask, once }: Keyed<Invite>,
) -> Result<Response, Refusal> {
    check_callees(caller.sub, &ask.participants).map_err(|refused| named(refused, &ask.participants))?;
    let once = once.of("invite", &caller.sub.to_string(), &state.answer_key);
    state.limit(Rate::CallSetup, caller.sub).await?;
    let done = ask_in(&state, caller.sub, id, &ask.participants, &once).await;
    let settled = once.settle(done, async |scope| state.answers.find(&scope, state.now()).await).await?;
    if settled.1 {
        ring_again(&state, caller.sub, id, &ask.participants).await?;
    }
    Ok(respond(settled))
}

async fn ask_in(
    state: &State,
    me: UserId,
    id: CallId,
    people: &[UserId],
    once: &Repeatable,
) -> Result<Answer, Problem> {
    for attempt in 0..TRIES {
        let (now, fresh) = (state.now(), attempt > 0);
        let read = state.switchboard.call_of(me, id, fresh).await?;
        let rooms = state.switchboard.connections.rooms(people, fresh, now).await?;
        let asked = cards(people, &rooms, id, now);
        let moved = asked.map_err(|refused| named(refused, people)).and_then(|asked| {
            let (call, facts) = read.value.clone().invite(me, persons(&asked), now)?;
            Ok((call, facts, asked))
        });
        let (call, facts, mut asked) = match moved {
            Err(_) if !fresh => continue,
            moved => moved?,
        };
        let is_asked =
            |user| facts.iter().any(|fact| matches!(fact, CallEvent::Invited { user: new, .. } if *new == user));
        asked.retain(|card| is_asked(card.value.user));
        let newcomers: Vec<UserId> = asked.iter().map(|card| card.value.user).collect();
        let answer = Answer::ok(&CallView::of(&call, now));
        let kept = once.keep(&answer, state.entropy(), now);
        match state.switchboard.calls.invite(&call, &facts, read.version, &asked, kept.as_ref().map(|k| (k, now))).await
        {
            Err(stale) if stale.is_stale() => {}
            saved => {
                saved?;
                if !newcomers.is_empty() {
                    let others: Vec<UserId> = call.present().filter(|user| !newcomers.contains(user)).collect();
                    state.switchboard.tell(&others, Push::call(CallView::of(&call, now), &facts), now).await;
                }
                ring(state, &call, people, now).await?;
                return Ok(answer);
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}
