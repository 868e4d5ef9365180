//! The facts of the main job. Every part is there only once it is known, so that a run that stopped early
//! still reports what it has.

use serde::{Deserialize, Serialize};

use crate::pulls::PullReport;
use crate::tests::{TestCounts, TestRun};

/// What came of shrinking something.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShrinkReport {
    /// The image everything was pulled from.
    pub full: Option<FullImage>,
    /// What the slave started from.
    #[serde(default)]
    pub seed: Option<SeedUse>,
    /// The tests in the slave.
    pub tests: Option<TestRun>,
    /// What the slave pulled.
    pub pulled: Option<Pulled>,
    /// What came out.
    pub slim: Option<SlimImage>,
    /// What each margin would have cost.
    pub margins: Vec<Margin>,
    /// The slim image on its own.
    pub proof: Option<Proof>,
    /// Files that were written beside the image, in the order they are told in.
    pub files: Vec<String>,
    /// Who pulled so much, where somebody asked or a limit was passed.
    pub pulls: Option<PullReport>,
    /// Things a user should know that are no failures.
    pub warnings: Vec<String>,
}

/// Contents of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageCounts {
    /// Classes, without metaclasses.
    pub classes: u64,
    /// Methods.
    pub methods: u64,
    /// All other objects.
    pub objects: u64,
    /// Size in bytes.
    pub bytes: u64,
}

/// The full image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FullImage {
    /// What is in it.
    pub counts: ImageCounts,
    /// How long it took to build; none where it was loaded.
    pub built_in_seconds: Option<f64>,
}

/// What a slave started from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedUse {
    /// `empty`, `kernel`, or an image file.
    pub name: String,
    /// Bytes of the heap before the first pull.
    pub heap_bytes: u64,
    /// What was used of it; the bytes are those that it took to agree with the master on it, as they
    /// came over the socket.
    pub counts: ImageCounts,
    /// How often the slave waited for an answer to agree on it.
    pub round_trips: u64,
    /// What differs between slave and master and works all the same, as it was told when the run began.
    pub warnings: Vec<String>,
}

/// What went over the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pulled {
    /// What was touched of what came; the bytes are those of all answers, as they came over the socket.
    pub counts: ImageCounts,
    /// How often the slave waited for an answer.
    pub round_trips: u64,
    /// Drafts that came ahead of their time and were never touched.
    #[serde(default)]
    pub untouched: u64,
    /// Bytes pulled over bytes kept, these uncompressed; none where no image was made.
    #[serde(default)]
    pub bytes_per_byte_kept: Option<f64>,
    /// Bytes pulled for each method that was touched; none where none was.
    #[serde(default)]
    pub bytes_per_method: Option<f64>,
}

impl Pulled {
    /// The same, with what the bytes come to; `bytes_kept` are those of the image before compression.
    pub fn weighed(mut self, bytes_kept: Option<u64>) -> Pulled {
        let counts = self.counts;
        self.bytes_per_method = share(counts.bytes, counts.methods);
        self.bytes_per_byte_kept = bytes_kept.and_then(|kept| share(counts.bytes, kept));
        self
    }
}

/// The part of each, where there are any.
fn share(bytes: u64, number: u64) -> Option<f64> {
    (number > 0).then(|| bytes as f64 / number as f64)
}

/// The slim image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlimImage {
    /// What is in it; the bytes are those of the file.
    pub counts: ImageCounts,
    /// Bytes before compression.
    pub bytes_uncompressed: u64,
    /// Its file.
    pub file: String,
}

/// A margin and its price.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Margin {
    /// `none`, `branches` or `class`.
    pub name: String,
    /// What the image would hold with it; the bytes are those of its file.
    pub counts: ImageCounts,
    /// Whether it was the one chosen.
    pub is_chosen: bool,
}

/// What the slim image showed without any source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// The tests in it.
    pub tests: Option<TestRun>,
    /// The page it served; none where there is no server.
    pub page: Option<PageCheck>,
    /// Clicks that were counted; none where nothing is to be clicked.
    pub clicks: Option<u64>,
    /// How long it took.
    pub seconds: f64,
    /// What was missing or wrong, each with what mends it; empty if the proof holds.
    pub faults: Vec<String>,
}

/// A page that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageCheck {
    /// Its path.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
}

impl ShrinkReport {
    /// Whether everything that was tried held.
    pub fn is_proven(&self) -> bool {
        let passed = |run: &TestRun| run.counts().failed == 0;
        let proof_holds = self.proof.as_ref().is_some_and(Proof::holds);
        proof_holds && self.tests.as_ref().is_none_or(passed)
    }

    /// The facts as one JSON document.
    ///
    /// # Errors
    /// None in practice: the facts are numbers, texts and lists; serde's type says otherwise.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }
}

impl Proof {
    /// Whether nothing was missing and every test passed.
    pub fn holds(&self) -> bool {
        self.faults.is_empty() && self.counts().failed == 0
    }

    /// How the tests ended.
    pub fn counts(&self) -> TestCounts {
        self.tests.as_ref().map(TestRun::counts).unwrap_or_default()
    }
}
