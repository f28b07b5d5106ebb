//! `POST /api/recordings/{id}/parts`

use std::collections::BTreeMap;

use api::{Body, Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::id::{RecordingId, UserId};
use domain::limit::{self, Rate};
use domain::recording::{Granted, Part, PartNumber, PartSize, Recording, RecordingRefused, Sha256, Stage};
use domain::storage::{Reservation, Storage};
use jiff::Timestamp;
use serde::Serialize;
use socket::problem::causes;
use socket::{Code, Problem};
use store::Versioned;
use store::switchboard::TRIES;
use utoipa::ToSchema;

use crate::state::State;

api::body! {
    /// The part that is to be uploaded.
    pub(crate) struct PartOffer {
        /// Its number, from 1, one after the other.
        #[schema(value_type = u64, minimum = 1, maximum = 256)]
        part: PartNumber,
        /// How many bytes: 5 MiB at least, unless it is the last one.
        #[schema(value_type = u64, minimum = 1, maximum = 67_108_864)]
        size: PartSize,
        /// SHA-256 of the bytes, base64.
        checksum_sha256: Sha256,
    }
}

/// Where a part goes.
#[derive(Serialize, ToSchema)]
pub(crate) struct PartGrant {
    /// The part.
    part: usize,
    /// PUT the bytes here, and nothing else with them.
    url: String,
    /// With these headers.
    headers: BTreeMap<String, String>,
    /// It is good until then; then ask again.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Grants one part of a recording: an address that takes exactly these bytes. The same part with the same bytes may be
/// asked for again. While somebody in the call has not consented, none is granted.
#[utoipa::path(
    post, path = "/api/recordings/{id}/parts", operation_id = "grantPart", tag = "recordings", security(("bearer" = [])),
    request_body = PartOffer, params(("id" = RecordingId, Path)),
    responses((status = 200, body = PartGrant), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn part(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<RecordingId>,
    Body(offer): Body<PartOffer>,
) -> Result<Json<PartGrant>, Refusal> {
    state.limit(Rate::RecordingPart, caller.sub).await?;
    let PartNumber(number) = offer.part;
    let part = Part { size: offer.size.0, sha256: offer.checksum_sha256 };
    let upload = grant(&state, caller.sub, id, number, &part).await?;
    let key = blobs::Key::Recording(id);
    let grant = state.blobs.grant(key, &upload, number, &part, limit::PART_LINK).await.map_err(Problem::from)?;
    let headers = grant.headers.into_iter().collect();
    let expires_at = state.now() + limit::PART_LINK;
    Ok(Json(PartGrant { part: number, url: grant.url, headers, expires_at }))
}

/// Notes the part and the room that it takes; the upload's name.
async fn grant(state: &State, me: UserId, id: RecordingId, number: usize, part: &Part) -> Result<String, Problem> {
    let mut begun = None;
    for _ in 0..TRIES {
        let now = state.now();
        let read = state.recording_of(me, id).await?;
        read.value.recorded_by(me)?;
        let recording = while_it_may(state, me, read.value, now).await?;
        let (mut recording, granted) = recording.grant(me, number, part.clone(), now)?;
        if let (Granted::Before, Some(upload)) = (granted, &recording.upload) {
            return Ok(upload.clone());
        }
        let Stage::Open { until } = recording.stage else { return Err(Problem::new(Code::RecordingClosed)) };
        let Versioned { value, version } = state.recordings.storage(me).await?;
        let dropped_by = recording.began_at + limit::RECORDING_DROPPED;
        let room = Reservation { recording: id, bytes: recording.bytes, until, dropped_by };
        let value = clear(state, value, now).await?.reserve(room, now)?;
        let storage = Versioned { value, version };
        let upload = match (recording.upload.clone(), begun.take()) {
            (Some(upload), _) | (None, Some(upload)) => upload,
            // One that nobody comes to know of is dropped by the bucket within two days.
            (None, None) => state.blobs.begin(blobs::Key::Recording(id), recording.media.as_str()).await?,
        };
        recording.upload = Some(upload.clone());
        match state.recordings.grow(&Versioned { value: recording, version: read.version }, &storage).await {
            Err(stale) if stale.is_stale() => begun = Some(upload),
            saved => {
                saved?;
                return Ok(upload);
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// The storage without what was abandoned: the bucket drops that now, or by itself within two days.
async fn clear(state: &State, storage: Storage, now: Timestamp) -> Result<Storage, Problem> {
    let abandoned: Vec<RecordingId> = storage.abandoned(now).collect();
    let mut cleared = storage;
    for id in abandoned {
        let Some(found) = state.recordings.find(id).await? else { continue };
        let recording = found.value.settle(now);
        if !matches!(recording.stage, Stage::Abandoned { .. }) {
            continue;
        }
        let aborted = match &recording.upload {
            Some(upload) => state.blobs.abort(blobs::Key::Recording(id), upload).await,
            None => Ok(()),
        };
        match aborted {
            Ok(()) => cleared = cleared.release(id),
            Err(error) => tracing::warn!(error = causes(&error), "an abandoned upload was not dropped"),
        }
    }
    Ok(cleared)
}

/// The recording, if everybody who is in the call consents at this moment; what was recorded before it was stopped may
/// be uploaded afterwards.
async fn while_it_may(state: &State, me: UserId, recording: Recording, now: Timestamp) -> Result<Recording, Problem> {
    let call = state.switchboard.calls.find(recording.call, true).await?.ok_or(RecordingRefused::Stranger)?;
    let call = call.value.settle(now).0;
    if call.recording.as_ref().is_some_and(|recorder| recorder.id == recording.id) {
        call.may_record(recording.id, me, now)?;
    }
    Ok(recording.follow(&call))
}
