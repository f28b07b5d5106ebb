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

    /// Makes the object of an upload, if S3 has exactly these parts. Whether it is there now: done twice, or after a
    /// lost answer, it is there as well.
    pub async fn complete(&self, key: Key, upload: &str, parts: &[Part]) -> Result<bool, BlobError> {
        if let Some(listed) = self.listed(key, upload, parts).await? {
            let whole = CompletedMultipartUpload::builder().set_parts(Some(listed)).build();
            let complete = self.client.complete_multipart_upload().bucket(&self.bucket).key(key.to_string());
            match complete.upload_id(upload).multipart_upload(whole).send().await.map_err(classify) {
                Ok(_) => return Ok(true),
                // A repeat, or somebody else was faster: what is there decides.
                Err(BlobError::Missing) => {}
                Err(error) => return Err(error),
            }
        }
        self.is_whole(key, parts).await
    }

    /// Whether S3 has exactly these parts of an upload, or already the object of them.
    pub async fn has(&self, key: Key, upload: &str, parts: &[Part]) -> Result<bool, BlobError> {
        Ok(self.listed(key, upload, parts).await?.is_some() || self.is_whole(key, parts).await?)
    }

    async fn is_whole(&self, key: Key, parts: &[Part]) -> Result<bool, BlobError> {
        Ok(self.size(key).await? == Some(parts.iter().map(|part| part.size).sum()))
    }

    /// What S3 has of an upload, in the shape that completes it. `None`: not exactly these parts.
    async fn listed(&self, key: Key, upload: &str, parts: &[Part]) -> Result<Option<Vec<CompletedPart>>, BlobError> {
        // One page has a thousand, and `domain::limit` allows fewer.
        let list = self.client.list_parts().bucket(&self.bucket).key(key.to_string()).upload_id(upload);
        let mut listed = match list.send().await.map_err(classify) {
            Ok(list) => list.parts.unwrap_or_default(),
            Err(BlobError::Missing) => return Ok(None),
            Err(error) => return Err(error),
        };
        listed.sort_by_key(aws_sdk_s3::types::Part::part_number);
        let numbers = listed.iter().map(|part| part.part_number().and_then(|number| usize::try_from(number).ok()));
        // Another checksum than the one that was signed cannot be there; the embedded S3 does not list any.
        let same = listed.len() == parts.len()
            && numbers.eq((1..=parts.len()).map(Some))
            && listed.iter().zip(parts).all(|(there, part)| {
                there.size().and_then(|size| u64::try_from(size).ok()) == Some(part.size)
                    && there.checksum_sha256().is_none_or(|sum| sum == part.sha256.as_str())
            });
        let complete = listed.into_iter().zip(parts).map(|(there, part)| {
            CompletedPart::builder()
                .set_part_number(there.part_number)
                .set_e_tag(there.e_tag)
                .checksum_sha256(part.sha256.as_str())
                .build()
        });
        Ok(same.then(|| complete.collect()))
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
