//! The image of the embedded kernel, for slaves that start from it: built once, when the first asks.

use anyhow::{Context, Result};
use bytes::Bytes;
use imprint_image::{CompactOptions, Fingerprint, write_compact};
use imprint_vm::CommandLine;
use tokio::sync::OnceCell;

use crate::full_image::LiveImage;
use crate::project::LoadedSources;

/// The kernel as a slave gets it, once somebody wanted it.
#[derive(Default)]
pub(super) struct KernelImage(OnceCell<Result<Kernel, String>>);

/// An image file in the compact form.
pub(super) struct Kernel {
    /// Of the bytes.
    pub fingerprint: Fingerprint,
    /// The bytes.
    pub image: Bytes,
}

impl KernelImage {
    /// The kernel; whoever asks first waits until it is built.
    ///
    /// # Errors
    /// Why it cannot be built: a defect of this program.
    pub async fn get(&self) -> Result<&Kernel, String> {
        let built = self.0.get_or_init(|| async {
            let built = tokio::task::spawn_blocking(build).await;
            let built = built.map_err(|error| error.to_string())?;
            built.map_err(|error| format!("cannot build the kernel: {error:#}"))
        });
        built.await.as_ref().map_err(Clone::clone)
    }
}

fn build() -> Result<Kernel> {
    let sources = LoadedSources::kernel(|_| false)?;
    let mut image = LiveImage::build(&sources, CommandLine::default())?;
    image.vm.collect(imprint_heap::Collection::Full);
    let (bytes, _) = write_compact(&image.vm.heap, &CompactOptions::default())
        .context("cannot write the image")?;
    Ok(Kernel {
        fingerprint: Fingerprint::of(&bytes),
        image: bytes.into(),
    })
}
