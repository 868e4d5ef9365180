//! What each margin would have cost: the slim image of a run's log, made once with each.

use std::path::Path;

use anyhow::{Result, anyhow};
use imprint_bootstrap::compile_expression;
use imprint_image::PristineImage;
use imprint_report::{ImageCounts, Margin as Cost};
use imprint_shrink::Margin;
use imprint_slave::keeping::MARGIN_OPTION;
use imprint_slave::replaying::Logged;
use imprint_vm::extract::{Extractor, ImageIndex, PullSession, vocabulary};

/// The cost of every margin, cheapest first; `options` say which the run had.
///
/// # Errors
/// Where the log cannot be read, or its drafts do not fit to the image.
pub fn costs(pristine: &[u8], log: &Path, options: &[(String, String)]) -> Result<Vec<Cost>> {
    let image = PristineImage::from_bytes(pristine).map_err(|problem| anyhow!(problem))?;
    let index = ImageIndex::scan(image.heap());
    let extractor = Extractor::new(image.heap(), &index);
    let logged = Logged::read(log)?;
    let text = if logged.entry.is_empty() {
        "nil"
    } else {
        &logged.entry
    };
    let entry = compile_expression(index.names(), text).map_err(|text| anyhow!(text))?;
    let chosen = options.iter().find(|(name, _)| name == MARGIN_OPTION);
    let chosen = chosen.map_or(Margin::None.name(), |(_, margin)| margin);
    let cost = |margin: Margin| {
        let mut session = PullSession::new(&vocabulary(index.names()));
        logged.ids().for_each(|id| session.note_present(id));
        let slim = logged.slim_with_margin(&entry, margin, |misses| {
            Ok(extractor.answer(misses, &mut session)?)
        })?;
        let (bytes, _) = slim.compact()?;
        let counts = slim.manifest.counts;
        Ok(Cost {
            name: margin.name().to_string(),
            counts: ImageCounts {
                classes: counts.classes as u64,
                methods: counts.methods as u64,
                objects: counts.objects as u64,
                bytes: bytes.len() as u64,
            },
            is_chosen: margin.name() == chosen,
        })
    };
    Margin::ALL.into_iter().map(cost).collect()
}
