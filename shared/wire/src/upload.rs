//! Package files on their way into a running image, and what came of them. What is in the files this crate
//! does not know.
//!
//! ```text
//!   head: who, sizes ── bytes of the first file ── of the second ── end of the stream
//! ```
//!
//! The sizes are said first, so that an upload which is cut short is told from a whole one.

use tokio_stream::{Stream, StreamExt};
use tonic::Status;

use crate::pb;
use crate::pb::install_part::Part;

/// Bytes that the files of one upload may have together.
pub const UPLOAD_BYTES_MAX: u64 = 256 << 20;
/// Files of one upload.
const FILES_MAX: usize = 10_000;
/// Bytes that one message of an upload brings.
const PART_BYTES: usize = 256 << 10;

/// Package files.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Upload {
    /// Who installs: what the same one pushed before is replaced without a question.
    pub origin: String,
    /// Whether what stands in the way is lost.
    pub is_forced: bool,
    /// The files.
    pub files: Vec<UploadedFile>,
}

/// A file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UploadedFile {
    /// Its name, for people.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// What installing did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InstallReport {
    /// The number of the push that it counts as.
    pub number: u32,
    /// The packages, each behind those that it needs something of.
    pub packages: Vec<String>,
    /// Classes that were not there.
    pub new_classes: u32,
    /// Classes that were there.
    pub present_classes: u32,
    /// Methods.
    pub methods: u32,
    /// Values of variables.
    pub objects: u32,
    /// Classes that were initialised.
    pub initialised: u32,
    /// Instances that look otherwise now.
    pub migrated: u32,
    /// Methods and blocks that stay, and were made to fit.
    pub adapted: u32,
    /// What was lost since it was forced, a phrase each.
    pub losses: Vec<String>,
    /// What the user should know, a sentence each.
    pub warnings: Vec<String>,
    /// How long the machine stood still for it.
    pub micros: u64,
}

/// What taking a package out did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UninstallReport {
    /// The push that is in force since, where it was taken back as one; else the number that it counts as.
    pub number: u32,
    /// Whether what was pushed before it can be taken back no more.
    pub is_final: bool,
    /// How long the machine stood still for it.
    pub micros: u64,
}

impl Upload {
    /// The messages that it is sent as.
    pub(crate) fn into_parts(self) -> impl Iterator<Item = pb::InstallPart> + Send + 'static {
        let file = |file: &UploadedFile| pb::InstallFile {
            name: file.name.clone(),
            size: file.bytes.len() as u64,
        };
        let head = Part::Head(pb::InstallHead {
            origin: self.origin,
            forced: self.is_forced,
            files: self.files.iter().map(file).collect(),
        });
        let bytes = self.files.into_iter().flat_map(|file| {
            let whole = bytes::Bytes::from(file.bytes);
            let starts = (0..whole.len()).step_by(PART_BYTES);
            starts.map(move |start| whole.slice(start..whole.len().min(start + PART_BYTES)))
        });
        let parts = std::iter::once(head).chain(bytes.map(Part::Bytes));
        parts.map(|part| pb::InstallPart { part: Some(part) })
    }

    /// What came, once all of it is there.
    ///
    /// # Errors
    /// Where it is no upload, is cut short, or larger than any.
    pub(crate) async fn received(
        mut parts: impl Stream<Item = Result<pb::InstallPart, Status>> + Unpin,
    ) -> Result<Upload, Status> {
        let first = parts.next().await.transpose()?;
        let Some(Part::Head(head)) = first.and_then(|it| it.part) else {
            return Err(unfit("an upload begins with its head".to_owned()));
        };
        let sizes: Vec<u64> = head.files.iter().map(|file| file.size).collect();
        let due = sizes
            .iter()
            .fold(0, |sum: u64, size| sum.saturating_add(*size));
        if due > UPLOAD_BYTES_MAX || sizes.len() > FILES_MAX {
            return Err(unfit(format!(
                "{} files of {due} bytes are more than the {FILES_MAX} of {UPLOAD_BYTES_MAX} that one \
                 upload may have; install them one after the other",
                sizes.len()
            )));
        }
        let mut bytes = Vec::new();
        while let Some(part) = parts.next().await.transpose()? {
            let Some(Part::Bytes(more)) = part.part else {
                return Err(unfit(
                    "an upload has one head, and bytes behind it".to_owned(),
                ));
            };
            bytes.extend_from_slice(&more);
            if bytes.len() as u64 > due {
                return Err(unfit(format!(
                    "more came than the {due} bytes that were said"
                )));
            }
        }
        if (bytes.len() as u64) < due {
            return Err(unfit(format!(
                "the upload was cut short: {} of {due} bytes came; nothing was changed",
                bytes.len()
            )));
        }
        let mut rest = bytes.as_slice();
        let mut files = Vec::with_capacity(head.files.len());
        for file in head.files {
            // All sizes together are the number of bytes, so each is there.
            let (own, others) = rest.split_at(file.size as usize);
            rest = others;
            files.push(UploadedFile {
                name: file.name,
                bytes: own.to_vec(),
            });
        }
        Ok(Upload {
            origin: head.origin,
            is_forced: head.forced,
            files,
        })
    }
}

fn unfit(sentence: String) -> Status {
    Status::invalid_argument(sentence)
}

impl From<InstallReport> for pb::InstallReport {
    fn from(report: InstallReport) -> pb::InstallReport {
        pb::InstallReport {
            number: report.number,
            packages: report.packages,
            new_classes: report.new_classes,
            present_classes: report.present_classes,
            methods: report.methods,
            objects: report.objects,
            initialised: report.initialised,
            migrated: report.migrated,
            adapted: report.adapted,
            losses: report.losses,
            warnings: report.warnings,
            micros: report.micros,
        }
    }
}

impl From<pb::InstallReport> for InstallReport {
    fn from(report: pb::InstallReport) -> InstallReport {
        InstallReport {
            number: report.number,
            packages: report.packages,
            new_classes: report.new_classes,
            present_classes: report.present_classes,
            methods: report.methods,
            objects: report.objects,
            initialised: report.initialised,
            migrated: report.migrated,
            adapted: report.adapted,
            losses: report.losses,
            warnings: report.warnings,
            micros: report.micros,
        }
    }
}

impl From<UninstallReport> for pb::UninstallReport {
    fn from(report: UninstallReport) -> pb::UninstallReport {
        pb::UninstallReport {
            number: report.number,
            is_final: report.is_final,
            micros: report.micros,
        }
    }
}

impl From<pb::UninstallReport> for UninstallReport {
    fn from(report: pb::UninstallReport) -> UninstallReport {
        UninstallReport {
            number: report.number,
            is_final: report.is_final,
            micros: report.micros,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload() -> Upload {
        let file = |name: &str, size: usize| UploadedFile {
            name: name.to_owned(),
            bytes: vec![7; size],
        };
        Upload {
            origin: "me".to_owned(),
            is_forced: true,
            files: vec![
                file("one", 3),
                file("none", 0),
                file("large", 2 * PART_BYTES + 1),
            ],
        }
    }

    async fn received(parts: Vec<pb::InstallPart>) -> Result<Upload, String> {
        let parts = tokio_stream::iter(parts.into_iter().map(Ok));
        let received = Upload::received(parts).await;
        received.map_err(|status| status.message().to_owned())
    }

    #[tokio::test]
    async fn an_upload_comes_whole_or_is_refused() {
        let parts: Vec<pb::InstallPart> = upload().into_parts().collect();
        assert_eq!(parts.len(), 5);
        assert_eq!(received(parts.clone()).await, Ok(upload()));
        for (parts, words) in [
            (
                parts[..4].to_vec(),
                "cut short: 524291 of 524292 bytes came",
            ),
            (parts[1..].to_vec(), "begins with its head"),
            (
                [&parts[..], &parts[1..2]].concat(),
                "more came than the 524292",
            ),
            ([&parts[..], &parts[..1]].concat(), "has one head"),
            (Vec::new(), "begins with its head"),
        ] {
            let refused = received(parts).await.unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[tokio::test]
    async fn sizes_that_nobody_sends_are_refused_before_any_byte() {
        let large = pb::InstallHead {
            files: vec![
                pb::InstallFile {
                    name: String::new(),
                    size: u64::MAX
                };
                2
            ],
            ..pb::InstallHead::default()
        };
        let part = pb::InstallPart {
            part: Some(Part::Head(large)),
        };
        let refused = received(vec![part]).await.unwrap_err();
        assert!(refused.contains("one after the other"), "{refused}");
    }
}
