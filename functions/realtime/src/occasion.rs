//! What can happen to a socket. The only place that knows API Gateway's event.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use domain::lease::ConnectionId;
use socket::{Code, Problem};

/// Something that happened to a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// `$connect`: somebody wants a connection. It is open once the answer is 200.
    Opened {
        /// Its name.
        connection: ConnectionId,
        /// The query parameter `ticket`.
        ticket: Option<String>,
        /// The header `Origin`; programs that are no browsers send none.
        origin: Option<String>,
    },
    /// `$disconnect`: it is closed. Not every goodbye arrives.
    Closed {
        /// Its name.
        connection: ConnectionId,
    },
    /// `$default`: a text frame.
    Said {
        /// Its name.
        connection: ConnectionId,
        /// The frame.
        text: String,
    },
}

impl TryFrom<ApiGatewayWebsocketProxyRequest> for Occasion {
    type Error = Problem;

    fn try_from(request: ApiGatewayWebsocketProxyRequest) -> Result<Self, Problem> {
        let context = request.request_context;
        let connection = context.connection_id.map(ConnectionId).ok_or_else(|| Problem::new(Code::FrameMalformed))?;
        match context.event_type.as_deref() {
            Some("CONNECT") => {
                let ticket = request.query_string_parameters.first("ticket").map(str::to_owned);
                let origin = request.headers.get("origin").and_then(|origin| origin.to_str().ok()).map(str::to_owned);
                Ok(Self::Opened { connection, ticket, origin })
            }
            Some("DISCONNECT") => Ok(Self::Closed { connection }),
            _ if request.is_base64_encoded => Err(Problem::because(Code::FrameMalformed, "only text frames are read")),
            _ => Ok(Self::Said { connection, text: request.body.unwrap_or_default() }),
        }
    }
}

/// What an occasion gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// An HTTP status; it decides whether a connection opens.
    pub status: u16,
    /// A frame for the connection that spoke.
    pub body: Option<String>,
}

impl Default for Answer {
    fn default() -> Self {
        Self { status: 200, body: None }
    }
}

impl Answer {
    pub(crate) fn frame(text: String) -> Self {
        Self { status: 200, body: Some(text) }
    }

    pub(crate) fn refusal(problem: &Problem) -> Self {
        Self { status: problem.code.status(), body: serde_json::to_string(problem).ok() }
    }
}

impl From<Answer> for ApiGatewayProxyResponse {
    fn from(answer: Answer) -> Self {
        let mut response = Self::default();
        response.status_code = i64::from(answer.status);
        response.body = answer.body.map(Into::into);
        response
    }
}
