//! `master replay LOG --image FULL -o IMAGE`: the slim image of a run, made again of its log.

use anyhow::{Context, Result, anyhow};
use imprint_bootstrap::compile_expression;
use imprint_image::{Fingerprint, ImageKind, PristineImage, write_beside_and_rename};
use imprint_report::print;
use imprint_shrink::Slim;
use imprint_slave::command_line::refuse_same_file;
use imprint_slave::ending::code;
use imprint_slave::replaying::Logged;
use imprint_vm::CommandLine;
use imprint_vm::install::Names;

use crate::command_line::{Failure, Replay};
use crate::full_image::LiveImage;
use crate::withholding::Never;

/// What an entry expression is where there is none.
const NOTHING: &str = "nil";

/// The file of the image in the format that the run wrote: that which has the same fingerprint, or
/// the compact one where none has.
fn bytes_as_written(slim: &Slim, written: Fingerprint) -> Result<Vec<u8>> {
    let (compact, _) = slim.compact().context("cannot make the slim image")?;
    if Fingerprint::of(&compact) == written {
        return Ok(compact);
    }
    let spur = slim.spur().ok();
    Ok(spur
        .filter(|spur| Fingerprint::of(spur) == written)
        .unwrap_or(compact))
}

/// The full image as it was served: the file as it is, or as a machine has it that opened the file, without
/// what was withheld from the run.
fn full_image(replay: &Replay, logged: &Logged) -> Result<PristineImage> {
    const UNREADABLE: &str = "cannot open the full image";
    let never = Never::of_options(&logged.options);
    let file = PristineImage::open(&replay.image).context(UNREADABLE)?;
    let is_converted = matches!(file.image().kind, ImageKind::Foreign(_));
    if never.never.is_empty() && (file.fingerprint() == logged.pristine || !is_converted) {
        return Ok(file);
    }
    let mut image = LiveImage::open(&replay.image, CommandLine::default()).context(UNREADABLE)?;
    never.withhold(&mut image)?;
    let bytes = image.pristine_bytes()?;
    PristineImage::from_bytes(&bytes).map_err(|problem| anyhow!("{UNREADABLE}: {problem}"))
}

/// Makes the image, and says whether it is the one that the run wrote.
///
/// # Errors
/// Where a file cannot be read or written, or the log is of another full image.
pub fn replay(replay: &Replay) -> Result<u8, Failure> {
    for input in [&replay.log, &replay.image] {
        refuse_same_file(input, &replay.output)?;
    }
    let logged = Logged::read(&replay.log)?;
    if let Some(torn) = &logged.torn {
        eprintln!("{}", torn.told_of(&replay.log));
    }
    let full = full_image(replay, &logged)?;
    if full.fingerprint() != logged.pristine {
        return Err(Failure::from(anyhow!(
            "{} is of the full image {}, and {} is {}; give --image the one that was shrunk",
            replay.log.display(),
            logged.pristine,
            replay.image.display(),
            full.fingerprint()
        )));
    }
    let entry = match logged.entry.as_str() {
        "" => NOTHING,
        entry => entry,
    };
    let entry = compile_expression(&Names::scan(full.heap()), entry)
        .map_err(|text| anyhow!("the entry expression of the log does not compile: {text}"))?;
    let slim = logged.slim(&entry)?;
    let bytes = bytes_as_written(&slim, logged.written)?;
    write_beside_and_rename(&replay.output, &bytes).context("cannot write the image")?;
    if Fingerprint::of(&bytes) != logged.written {
        return Err(Failure {
            code: code::FAILED,
            error: anyhow!(
                "{} is not the image that the run wrote, {}; was it written by another version?",
                replay.output.display(),
                logged.written
            ),
        });
    }
    print(&format!(
        "{}   the same image as the run wrote   {}",
        replay.output.display(),
        logged.written.short()
    ));
    Ok(code::DONE)
}
