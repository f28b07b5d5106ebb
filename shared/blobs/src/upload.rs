//! Uploads in parts: each part is granted for exactly these bytes, and S3 refuses any others.

use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use domain::recording::Part;
use jiff::SignedDuration;

use crate::bucket::{Blobs, presigning};
use crate::error::{BlobError, classify};
use crate::keys::Key;

/// Where one part goes: a PUT to `url` with these headers, which are signed, and the part as its body. Whoever has it
/// can upload that part, so neither is ever logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    /// The address.
    pub url: String,
    /// Names and values, the length left out: the sender's HTTP says it.
    pub headers: Vec<(String, String)>,
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Grant")
    }
}

/// Parts of an upload that S3 has, the first ones without a gap, in the shape that completes it.
#[derive(Clone, Debug)]
pub struct Arrived(Vec<CompletedPart>);

impl Arrived {
    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl Blobs {
    /// Begins an upload, and says its name at S3.
    pub async fn begin(&self, key: Key, media: &str) -> Result<String, BlobError> {
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(key.to_string())
            .content_type(media)
            .checksum_algorithm(ChecksumAlgorithm::Sha256);
        let upload = begun.send().await.map_err(classify)?.upload_id;
        upload.ok_or_else(|| BlobError::Broken("an upload without a name".into()))
    }

    /// Where this part of an upload goes, counted from 1, for so long.
    pub async fn grant(
        &self,
        key: Key,
        upload: &str,
        number: usize,
        part: &Part,
        life: SignedDuration,
    ) -> Result<Grant, BlobError> {
        let put = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(key.to_string())
            .upload_id(upload)
            .part_number(part_number(number)?)
            .content_length(i64::try_from(part.size).map_err(|error| BlobError::Broken(error.into()))?)
            .checksum_sha256(part.sha256.as_str());
        let signed = put.presigned(presigning(life)?).await.map_err(classify)?;
        let headers = signed.headers().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Grant { url: signed.uri().to_owned(), headers })
    }

    /// What S3 has of these parts of an upload, from the first one to the first that is missing or is not what was granted.
    /// Nothing of an upload that is complete or over.
    pub async fn arrived(&self, key: Key, upload: &str, granted: &[Part]) -> Result<Arrived, BlobError> {
        // One page has a thousand, and `domain::limit` allows fewer.
        let list = self.client.list_parts().bucket(&self.bucket).key(key.to_string()).upload_id(upload);
        let mut listed = match list.send().await.map_err(classify) {
            Ok(list) => list.parts.unwrap_or_default(),
            Err(BlobError::Missing) => Vec::new(),
            Err(error) => return Err(error),
        };
        listed.sort_by_key(aws_sdk_s3::types::Part::part_number);
        let whole = listed.into_iter().zip(granted).enumerate().take_while(|(place, (there, part))| {
            let number = there.part_number().and_then(|number| usize::try_from(number).ok());
            let size = there.size().and_then(|size| u64::try_from(size).ok());
            // Another checksum than the one that was signed cannot be there; the embedded S3 does not list any.
            let same = there.checksum_sha256().is_none_or(|sum| sum == part.sha256.as_str());
            number == Some(place + 1) && size == Some(part.size) && same
        });
        let arrived = whole.map(|(_, (there, part))| {
            CompletedPart::builder()
                .set_part_number(there.part_number)
                .set_e_tag(there.e_tag)
                .checksum_sha256(part.sha256.as_str())
                .build()
        });
        Ok(Arrived(arrived.collect()))
    }

    /// Makes the object of an upload, if all of these parts have arrived. Whether it is there now: done twice, or after a
    /// lost answer, it is there as well.
    pub async fn complete(&self, key: Key, upload: &str, arrived: Arrived, parts: &[Part]) -> Result<bool, BlobError> {
        if arrived.count() == parts.len() {
            let whole = CompletedMultipartUpload::builder().set_parts(Some(arrived.0)).build();
            let complete = self.client.complete_multipart_upload().bucket(&self.bucket).key(key.to_string());
            match complete.upload_id(upload).multipart_upload(whole).send().await.map_err(classify) {
                Ok(_) => return Ok(true),
                // A repeat, or somebody else was faster: what is there decides.
                Err(BlobError::Missing) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.size(key).await? == Some(parts.iter().map(|part| part.size).sum()))
    }

    /// Ends an upload that is not to become an object. Ended twice it is over once.
    pub async fn abort(&self, key: Key, upload: &str) -> Result<(), BlobError> {
        let abort = self.client.abort_multipart_upload().bucket(&self.bucket).key(key.to_string()).upload_id(upload);
        match abort.send().await.map_err(classify) {
            Err(BlobError::Missing) => Ok(()),
            aborted => aborted.map(drop),
        }
    }
}

fn part_number(number: usize) -> Result<i32, BlobError> {
    i32::try_from(number).map_err(|error| BlobError::Broken(error.into()))
}
