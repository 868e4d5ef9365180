//! `master image info IMAGE`: what an image file holds.

use anyhow::Context;
use imprint_heap::HeapSettings;
use imprint_image::open_image;
use imprint_report::{byte_size, count};
use imprint_slave::ending::code;

use crate::command_line::{Failure, Image};

/// Classes shown in the tally.
const TALLY_ROWS: usize = 10;

/// Looks at an image.
///
/// # Errors
/// Where the file is no image that can be opened.
#[allow(clippy::print_stdout, reason = "the facts are what the command is for")]
pub fn image(image: &Image) -> Result<u8, Failure> {
    let Image::Info { image: path, json } = image;
    let opened = open_image(path, HeapSettings::default()).context("cannot look at the image")?;
    let info = opened.info();
    if *json {
        let document = serde_json::json!({
            "file": path.display().to_string(),
            "format": info.format,
            "fingerprint": format!("{:?}", opened.fingerprint),
            "file_bytes": opened.file_bytes,
            "classes": info.classes,
            "methods": info.methods,
            "objects": info.objects,
        });
        println!("{document:#}");
        return Ok(code::DONE);
    }
    println!(
        "{}   {}   {}",
        path.display(),
        info.format,
        opened.fingerprint.short()
    );
    println!(
        "{} classes   {} methods   {} objects   {} in the file",
        count(info.classes as u64),
        count(info.methods as u64),
        count(info.objects as u64),
        byte_size(opened.file_bytes)
    );
    for row in info.tally.iter().take(TALLY_ROWS) {
        println!(
            "{:>10}  {:>8}  {}",
            byte_size(row.bytes as u64),
            count(row.objects as u64),
            row.name
        );
    }
    Ok(code::DONE)
}
