//! A slim image of what traces say, with nothing run but its proof.
//!
//! The marks are turned into the drafts that a slave would have pulled; from there on it is the same
//! work on the same drafts, and so the same bytes.

use anyhow::{Context, Result, anyhow};
use imprint_bootstrap::compile_expression;
use imprint_host::free_port;
use imprint_image::PristineImage;
use imprint_isa::Miss;
use imprint_isa::draft_bytes::packed::Bundle;
use imprint_model::Ghost;
use imprint_report::ShrinkReport;
use imprint_slave::keeping::{kept_of, misses};
use imprint_slave::page::Visit;
use imprint_slave::proof::prove;
use imprint_slave::session::compiled_tests;
use imprint_slave::shrinking::{Material, Wanted};
use imprint_trace::{Marks, Trace};
use imprint_vm::Arrivals;
use imprint_vm::extract::{Extractor, ImageIndex, PullSession, vocabulary};
use imprint_vm::install::Names;
use imprint_wire::message::TestName;

use crate::traces::is_of;

/// The epoch with which a run begins.
const ENTRY: &str = "entry";
/// What an entry expression is where there is none.
const NOTHING: &str = "nil";
/// Masters find objects by id alone; a ghost has some hash all the same.
const HASH_OF_A_MARK: u32 = 1;

/// What is to become a slim image.
pub struct ByTrace<'a> {
    /// What was touched.
    pub trace: &'a Trace,
    /// The full image.
    pub bytes: &'a [u8],
    /// What is kept beside it, as a plan says it.
    pub options: &'a [(String, String)],
    /// The entry expression; empty for none.
    pub entry: &'a str,
}

impl ByTrace<'_> {
    /// Makes the image, and proves it by the tests that passed while they were traced.
    ///
    /// # Errors
    /// Where the trace is of another image, or a file cannot be written.
    pub fn shrink(&self, wanted: &Wanted) -> Result<ShrinkReport> {
        let image = PristineImage::from_bytes(self.bytes).map_err(|problem| anyhow!(problem))?;
        is_of(self.trace, image.fingerprint())?;
        let index = ImageIndex::new(image.heap(), Names::scan(image.heap()));
        let extractor = Extractor::new(image.heap(), &index);
        let mut session = PullSession::new(&vocabulary(index.names()));
        let mut answer = |misses: &[Miss]| Ok(extractor.answer(misses, &mut session)?);
        let mut arrivals = Arrivals::new(&vocabulary(index.names()));
        self.bring_marked(&mut arrivals, &mut answer)?;
        let kept = kept_of(&mut arrivals, self.options, answer)?;
        let compiled =
            |text: &str| compile_expression(index.names(), text).map_err(|text| anyhow!(text));
        let entry = match self.entry {
            "" => NOTHING,
            entry => entry,
        };
        let material = Material {
            arrivals: &arrivals,
            kept: &kept,
            entry: &compiled(entry)?,
            entry_text: self.entry,
            origin: image.fingerprint(),
        };
        let made = material.write(wanted)?;
        let proof = match wanted.proof {
            Some(timeout) => {
                let tests = compiled_tests(&self.passed(), compiled)?;
                let visit = self.visit()?;
                let proof = prove(
                    &wanted.path,
                    &made.side,
                    &arrivals,
                    &tests,
                    timeout,
                    visit.as_ref(),
                );
                Some(proof?)
            }
            None => None,
        };
        Ok(ShrinkReport {
            slim: Some(made.image),
            files: vec![made.manifest.display().to_string()],
            proof,
            ..ShrinkReport::default()
        })
    }

    /// Turns the marks into what came: the entry first, as in a run.
    fn bring_marked(
        &self,
        arrivals: &mut Arrivals,
        answer: &mut impl FnMut(&[Miss]) -> Result<Bundle>,
    ) -> Result<()> {
        let entry = self.trace.epochs.get_key_value(ENTRY);
        for (epoch, marks) in entry.into_iter().chain(&self.trace.epochs) {
            let brought = answer(&unmet(marks, arrivals)?)
                .with_context(|| format!("cannot bring what {epoch} touched"))?;
            arrivals.note_phase(epoch, &brought.placed);
            arrivals.class_indices.extend(brought.classes);
        }
        Ok(())
    }

    /// The tests that passed while they were traced.
    fn passed(&self) -> Vec<TestName> {
        let names = self.trace.passed.iter();
        let names = names.filter_map(|name| name.split_once(">>"));
        let test = |(class, selector): (&str, &str)| TestName {
            class: class.into(),
            selector: selector.into(),
        };
        names.map(test).collect()
    }

    /// What a visitor must see again.
    fn visit(&self) -> Result<Option<Visit>> {
        let visit = |click_counted| {
            Ok(Visit {
                port: free_port().context("cannot find a free port")?,
                status: 200,
                click_counted,
            })
        };
        self.trace.page.map(visit).transpose()
    }
}

/// What is marked and has not come.
fn unmet(marks: &Marks, arrivals: &Arrivals) -> Result<Vec<Miss>> {
    let open = marks.ids().filter(|id| !arrivals.has(*id));
    let ghost = |id| {
        Ghost::new(id, HASH_OF_A_MARK)
            .ok_or_else(|| anyhow!("the trace marks {id}, which is no id"))
    };
    let ghosts = open.map(ghost).collect::<Result<Vec<Ghost>>>()?;
    Ok(misses(&ghosts))
}
