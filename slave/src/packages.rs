//! `slave install` and `slave uninstall`: packages into an image file and out of one, with no compiler.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use imprint_heap::Collection;
use imprint_image::{
    CompactOptions, ImageKind, Metadata, Sources, changes_path, open_image,
    write_beside_and_rename, write_compact, write_spur,
};
use imprint_isa::Package;
use imprint_package::{Installed, Losing, install, uninstall};
use imprint_report::{count, print};
use imprint_shrink::names_of;
use imprint_vm::{CommandLine, Vm};

use crate::command_line::{FileTarget, Install, Uninstall, refuse_same_file};
use crate::ending::code;
use crate::limits::{builder_settings, heap_settings};
use crate::machine::local_machine;
use crate::security::trusted_keys;
use crate::trust::trusted_packages;

/// Installs package files into an image.
///
/// # Errors
/// Where a file cannot be used, or the image lacks something or refuses; then nothing is written.
pub fn install_files(order: &Install, target: &FileTarget) -> Result<u8> {
    let keys = trusted_keys()?;
    let mut packages: Vec<Package> = Vec::new();
    for file in &order.files {
        refuse_same_file(file, &target.output)?;
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.display().to_string();
        packages.extend(trusted_packages(&name, &bytes, &keys)?);
    }
    let mut image = OpenImage::open(&target.image)?;
    let mut texts = image.texts.take();
    if let Some(texts) = &mut texts {
        texts.make_room(packages.iter().flat_map(Package::texts));
    }
    let mut keep_text = |method: &imprint_isa::MethodDraft, text: &str| {
        let behavior = method.behavior.to_string();
        let texts = texts.as_mut();
        texts.map_or(0, |texts| texts.add(&behavior, &method.protocol, text))
    };
    let losing = match order.force {
        true => Losing::Accepted,
        false => Losing::Refused,
    };
    let installed = install(&mut image.vm, &packages, losing, &mut keep_text);
    let installed = installed
        .with_context(|| format!("nothing was installed into {}", target.image.display()))?;
    image.texts = texts;
    image.write(&target.output)?;
    tell(&packages, &installed, &target.output);
    Ok(code::DONE)
}

/// Takes packages out of an image, in the order in which they are named.
///
/// # Errors
/// Where a package was not installed, or something needs it; then nothing is written.
pub fn uninstall_packages(order: &Uninstall, target: &FileTarget) -> Result<u8> {
    let mut image = OpenImage::open(&target.image)?;
    for name in &order.names {
        let done = uninstall(&mut image.vm, name);
        done.with_context(|| format!("nothing was taken out of {}", target.image.display()))?;
    }
    image.write(&target.output)?;
    let names = order.names.join(", ");
    print(&format!(
        "uninstalled   {names}   {}",
        target.output.display()
    ));
    Ok(code::DONE)
}

fn tell(packages: &[Package], installed: &Installed, path: &Path) {
    print(&format!(
        "installed     {} packages   {} new classes, {} there before   {} methods   {} objects   \
         {} classes initialised   {}",
        count(packages.len() as u64),
        count(installed.new_classes as u64),
        count(installed.present_classes as u64),
        count(installed.methods as u64),
        count(installed.objects as u64),
        count(installed.initialised as u64),
        path.display()
    ));
    if installed.migrated + installed.adapted > 0 {
        print(&format!(
            "migrated      {} instances   {} methods adapted",
            count(installed.migrated as u64),
            count(installed.adapted as u64)
        ));
    }
    for loss in &installed.losses {
        print(&format!("lost by force: {loss}"));
    }
}

/// An image file, open to be changed.
struct OpenImage {
    vm: Vm,
    kind: ImageKind,
    metadata: Metadata,
    /// The texts of its methods, where it has any.
    texts: Option<Sources>,
}

impl OpenImage {
    fn open(path: &Path) -> Result<OpenImage> {
        let opened = open_image(path, builder_settings())?;
        let names = names_of(&opened);
        let command_line = CommandLine {
            image_path: path.display().to_string(),
            ..CommandLine::default()
        };
        let (vm, _, _) =
            local_machine(opened.heap, names, command_line).context("cannot start a machine")?;
        Ok(OpenImage {
            vm,
            kind: opened.kind,
            metadata: opened.metadata,
            texts: fs::read(changes_path(path)).ok().map(Sources::from_bytes),
        })
    }

    /// Writes it in the form that it had, with its texts beside it.
    fn write(&mut self, path: &Path) -> Result<()> {
        // A builder's heap never collects; what is written must.
        self.vm.heap.set_collector(heap_settings().collector);
        self.vm.collect(Collection::Full);
        if let Some(texts) = &self.texts {
            write_beside_and_rename(&changes_path(path), texts.as_bytes())
                .context("cannot write the texts of the methods")?;
        }
        if !matches!(self.kind, ImageKind::Compact { .. }) {
            return write_spur(&self.vm.heap, path).context("cannot write the image");
        }
        let options = CompactOptions {
            metadata: self.metadata.clone(),
            ..CompactOptions::default()
        };
        let (bytes, _) = write_compact(&self.vm.heap, &options)
            .map_err(|problem| anyhow!(problem.of(path)))
            .context("cannot write the image")?;
        write_beside_and_rename(path, &bytes).context("cannot write the image")
    }
}
