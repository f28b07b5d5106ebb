//! The socket: who is connected, what they missed, and signals that go straight through.
//!
//! | occasion or action | file |
//! |---|---|
//! | `$connect` | `opened.rs` |
//! | `$disconnect` | `closed.rs` |
//! | `ping`, `resume` | `pong.rs` |
//! | `presence.get` | `presence.rs` |
//! | `call.ringing`, `call.candidates`, `call.media` | `call.rs` |

mod call;
mod closed;
mod occasion;
mod opened;
mod pong;
mod presence;
mod state;

use std::time::Instant;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use domain::lease::ConnectionId;
use domain::limit::Rate;
use domain::text::DeviceId;
use socket::view::Closing;
use socket::{ClientFrame, Code, Problem, ServerFrame, Sessions as _};
use store::Switchboard;

pub use occasion::{Answer, Occasion};
pub use state::{Settings, State};

/// Answers API Gateway.
pub async fn serve(state: &State, request: ApiGatewayWebsocketProxyRequest) -> ApiGatewayProxyResponse {
    match Occasion::try_from(request) {
        Ok(occasion) => handle(state, occasion).await,
        Err(problem) => {
            api::log::done("realtime", "unknown", Instant::now(), Some(problem.code));
            Answer::refusal(&problem)
        }
    }
    .into()
}

/// Answers an occasion, wherever it came from, and ends it in the log.
pub async fn handle(state: &State, occasion: Occasion) -> Answer {
    let begun = Instant::now();
    let (route, answer, code) = match occasion {
        Occasion::Opened { connection, ticket, origin } => {
            match opened::open(state, connection, ticket, origin).await {
                Ok(()) => ("$connect", Answer::default(), None),
                Err(problem) => ("$connect", Answer::refusal(&problem), Some(problem.code)),
            }
        }
        Occasion::Closed { connection } => {
            closed::close(state, &connection).await;
            ("$disconnect", Answer::default(), None)
        }
        Occasion::Said { connection, text } => {
            let (id, said) = ClientFrame::parse(&text);
            let route = said.as_ref().map_or("unknown", ClientFrame::action);
            let reply = match (admit(state, &connection).await, said) {
                (Ok(()), Ok(frame)) => act(state, &connection, id.clone(), frame).await,
                (Err(problem), _) | (_, Err(problem)) => Err(problem),
            };
            match reply {
                Ok(reply) => (route, Answer::frame(reply), None),
                Err(problem) => {
                    let code = problem.code;
                    (route, Answer::frame(ServerFrame::error(id, problem).to_text()), Some(code))
                }
            }
        }
    };
    api::log::done("realtime", route, begun, code);
    answer
}

/// Counts a frame, before anything else is done for it. Whoever goes on when refused is cut off.
async fn admit(state: &State, connection: &ConnectionId) -> Result<(), Problem> {
    let now = state.now();
    let Err(too_many) = state.limits.take(Rate::Frame, &connection.0, now).await? else { return Ok(()) };
    let strike = state.limits.take(Rate::Strike, &connection.0, now).await?;
    if strike.is_ok_and(|strike| strike.left == 0)
        && let Some(lease) = state.switchboard.connections.speaker(connection, now).await?
    {
        tracing::warn!(security.event = "too_many_frames", user.id = %lease.user, "a connection was closed");
        state.switchboard.connections.shut(&*state.switchboard.courier, &lease, Closing::TooManyFrames, now).await;
    }
    Err(too_many.into())
}

async fn act(
    state: &State,
    connection: &ConnectionId,
    id: Option<String>,
    frame: ClientFrame,
) -> Result<String, Problem> {
    let opened = state.switchboard.connections.speaker(connection, state.now()).await?;
    let opened = opened.ok_or_else(|| Problem::new(Code::ConnectionUnknown))?;
    if state.sessions.is_ended(opened.user, opened.session, false, state.now()).await.unwrap_or(false) {
        let Switchboard { connections, courier, .. } = &state.switchboard;
        connections.shut(&**courier, &opened, Closing::SessionEnded, state.now()).await;
        return Err(Problem::new(Code::SessionRevoked));
    }
    let device = |named: Option<DeviceId>| named.unwrap_or_else(|| opened.session.into());
    let me = opened.user;
    Ok(match frame {
        ClientFrame::Ping(ping) => ServerFrame::reply(id, pong::pong(state, &opened, ping.call, None).await?).to_text(),
        ClientFrame::Resume(resume) => {
            ServerFrame::reply(id, pong::pong(state, &opened, None, Some(resume.cursors)).await?).to_text()
        }
        ClientFrame::PresenceGet(ask) => ServerFrame::reply(id, presence::presence(state, ask).await?).to_text(),
        ClientFrame::CallRinging(said) => ServerFrame::reply(id, call::ringing(state, me, said).await?).to_text(),
        ClientFrame::CallCandidates(said) => {
            let device = device(said.device_id.clone());
            ServerFrame::reply(id, call::candidates(state, me, device, said).await?).to_text()
        }
        ClientFrame::CallMedia(said) => {
            let device = device(said.device_id.clone());
            ServerFrame::reply(id, call::media(state, me, device, said).await?).to_text()
        }
    })
}
