//! `slave install FILE --to URL`, `slave uninstall NAME --to URL`: packages into a machine that runs, and out of
//! it.
//!
//! The files go as they are. They are read here first, so that what nobody could use is not sent; the machine
//! reads them again, and believes nobody.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use imprint_report::{count, duration, plural, print};
use imprint_wire::Controller;
use imprint_wire::upload::{InstallReport, Upload, UploadedFile};

use crate::command_line::{Install, Uninstall};
use crate::ending::code;
use crate::origin;
use crate::security::{credentials, trusted_keys};
use crate::trust::trusted_packages;

/// Installs package files into a machine that runs.
///
/// # Errors
/// Where a file cannot be used, nobody answers at the address, or the machine refuses; then nothing changed.
pub fn install_into(url: &str, order: &Install) -> Result<u8> {
    let keys = trusted_keys()?;
    let mut files = Vec::with_capacity(order.files.len());
    for path in &order.files {
        let name = path.display().to_string();
        let bytes = fs::read(path).with_context(|| format!("cannot read {name}"))?;
        trusted_packages(&name, &bytes, &keys)?;
        files.push(UploadedFile { name, bytes });
    }
    let mut machine = Controller::connect(url, &credentials()?)?;
    let upload = Upload {
        origin: origin::of(Path::new(".")),
        is_forced: order.force,
        files,
    };
    let report = machine.install(upload);
    tell(&report.with_context(|| format!("nothing was installed into the image at {url}"))?);
    Ok(code::DONE)
}

fn tell(report: &InstallReport) {
    print(&format!(
        "installed     {}   {}, {} there before   {}   {}   {} initialised   push #{}   {}",
        report.packages.join(", "),
        plural(report.new_classes.into(), "new class", "new classes"),
        count(report.present_classes.into()),
        plural(report.methods.into(), "method", "methods"),
        plural(report.objects.into(), "object", "objects"),
        plural(report.initialised.into(), "class", "classes"),
        report.number,
        duration(Duration::from_micros(report.micros)),
    ));
    if report.migrated + report.adapted > 0 {
        print(&format!(
            "migrated      {}   {} adapted",
            plural(report.migrated.into(), "instance", "instances"),
            plural(report.adapted.into(), "method", "methods"),
        ));
    }
    for loss in &report.losses {
        print(&format!("lost by force: {loss}"));
    }
    for warning in &report.warnings {
        eprintln!("warning: {warning}");
    }
}

/// Takes packages out of a machine that runs, in the order in which they are named.
///
/// # Errors
/// Where nobody answers at the address, or the machine refuses; then the package that it names, and those
/// behind it, are as they were.
pub fn uninstall_from(url: &str, order: &Uninstall) -> Result<u8> {
    let mut machine = Controller::connect(url, &credentials()?)?;
    for name in &order.names {
        let report = machine.uninstall(name);
        let report =
            report.with_context(|| format!("{name} was not taken out of the image at {url}"))?;
        let took = duration(Duration::from_micros(report.micros));
        print(&format!("uninstalled   {name}   {took}"));
        if report.is_final {
            eprintln!(
                "warning: what was pushed before stays, and cannot be taken back any more: push #{} took \
                 {name} out of what it stands on",
                report.number
            );
        }
    }
    Ok(code::DONE)
}
