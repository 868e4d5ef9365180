//! The slim image: drafts installed into an empty seed, and nothing of the run that pulled them.

use imprint_heap::{Heap, HeapSettings, NeedsSpace};
use imprint_image::{
    CompactOptions, CompactSizes, Fingerprint, ImageRole, Metadata, read_compact, write_compact,
};
use imprint_isa::{Draft, MethodDraft, Placed, Ref};
use imprint_model::known::KNOWN_COUNT;
use imprint_model::layout::{process, scheduler};
use imprint_model::{ClassIndex, Format, Oop};
use imprint_vm::install::{InstallError, Installer, Names, Unbound};
use imprint_vm::seed::empty_seed;
use imprint_vm::{Arrivals, Presence, bottom_context};

use crate::absent::absent_classes;
use crate::error::ShrinkError;
use crate::export::spur_file;
use crate::keep::Kept;
use crate::live::Live;
use crate::manifest::Manifest;
use crate::pattern::Glob;
use crate::select::{ENTRY_PHASE, EXCLUDED_PACKAGES, Selection, Taken, select};
use crate::{tombstones, views};

/// The priority of the process that runs the entry expression.
const ENTRY_PRIORITY: i32 = 40;

/// What a slim image is a function of.
pub struct SlimInput<'a> {
    /// What came to the slave.
    pub arrivals: &'a Arrivals,
    /// What is kept beside it.
    pub kept: &'a [Kept],
    /// The entry expression, compiled.
    pub entry: &'a MethodDraft,
    /// The rest.
    pub options: &'a SlimOptions,
}

/// How a slim image is made.
#[derive(Clone, Debug)]
pub struct SlimOptions {
    /// The entry expression, as text.
    pub entry: String,
    /// Packages that are left out.
    pub excluded_packages: Vec<String>,
    /// The full image whose ids the ghosts hold.
    pub origin: Option<Fingerprint>,
}

impl Default for SlimOptions {
    fn default() -> SlimOptions {
        SlimOptions {
            entry: String::new(),
            excluded_packages: EXCLUDED_PACKAGES.iter().map(ToString::to_string).collect(),
            origin: None,
        }
    }
}

/// A slim image.
pub struct Slim {
    /// The objects.
    pub heap: Heap,
    /// Their names.
    pub names: Names,
    /// What it holds, and why.
    pub manifest: Manifest,
    metadata: Metadata,
}

impl Slim {
    /// The file of it in the compact format.
    ///
    /// # Errors
    /// [`ShrinkError::Image`].
    pub fn compact(&self) -> Result<(Vec<u8>, CompactSizes), ShrinkError> {
        let options = CompactOptions {
            metadata: self.metadata.clone(),
            ..CompactOptions::default()
        };
        Ok(write_compact(&self.heap, &options)?)
    }

    /// The file of it in Spur's format, for stock virtual machines: stand-ins take the places of
    /// ghosts and of classes that did not come.
    ///
    /// # Errors
    /// [`ShrinkError::Image`].
    pub fn spur(&self) -> Result<Vec<u8>, ShrinkError> {
        let (compact, _) = self.compact()?;
        let (mut heap, _) = read_compact(&compact, HeapSettings::for_builder())?;
        spur_file(&mut heap, &self.names)
    }
}

/// Makes the slim image.
///
/// # Errors
/// [`ShrinkError`]: drafts that do not fit together.
pub fn slim(input: &SlimInput<'_>) -> Result<Slim, ShrinkError> {
    let excluded: Vec<Glob> = input
        .options
        .excluded_packages
        .iter()
        .map(|name| Glob::from(name.as_str()))
        .collect();
    let selection = select(input.arrivals, input.kept, &excluded);
    let (heap, names) = empty_seed(HeapSettings::for_builder(), &class_indices(input.arrivals))?;
    let mut builder = Builder {
        heap,
        names,
        presence: Presence::default(),
    };
    builder.install_all(&selection)?;
    builder.start_with(input.entry)?;
    views::heal(&mut builder.heap, &builder.presence);
    views::forget_hashes(&mut builder.heap, &builder.presence);
    views::narrow_subclasses(&mut builder.heap)?;
    views::narrow_globals(&mut builder.heap, &builder.names, &selection.excluded)?;
    builder.anchor(&selection)?;
    let tombstones = tombstones::bury(&mut builder.heap, &builder.names)?;
    let live = Live::of(&builder.heap);
    let mut manifest = Manifest::of(&builder.heap, &builder.presence, &selection, &live);
    manifest.entry.clone_from(&input.options.entry);
    manifest.tombstones = tombstones;
    let mut metadata = Metadata {
        role: ImageRole::Slim,
        origin: input.options.origin,
        entry: Some(input.options.entry.clone()).filter(|entry| !entry.is_empty()),
        notes: Vec::new(),
    };
    metadata.note_absent_classes(&absent_classes(&builder.heap, &builder.names));
    Ok(Slim {
        heap: builder.heap,
        names: builder.names,
        manifest,
        metadata,
    })
}

/// The class indices in an order that does not depend on when they were told.
fn class_indices(arrivals: &Arrivals) -> Vec<imprint_vm::extract::ClassIndices> {
    let mut all = arrivals.class_indices.clone();
    all.sort();
    all.dedup();
    all
}

struct Builder {
    heap: Heap,
    names: Names,
    presence: Presence,
}

impl Builder {
    fn installer(&mut self) -> Installer<'_> {
        Installer {
            heap: &mut self.heap,
            names: &mut self.names,
            presence: &mut self.presence,
            unbound: Unbound::Create,
        }
    }

    /// Installs everything; what needs something that comes later is tried again after it.
    fn install_all(&mut self, selection: &Selection) -> Result<(), ShrinkError> {
        let mut waiting: Vec<&Taken> = selection.taken.iter().collect();
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut left = Vec::new();
            let mut last = None;
            for taken in waiting {
                match self.installer().install(&taken.placed) {
                    Ok(_) => {}
                    Err(error @ InstallError::Missing { .. }) => {
                        left.push(taken);
                        last = Some(error);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            if let Some(error) = last.filter(|_| left.len() == before) {
                return Err(error.into());
            }
            waiting = left;
        }
        Ok(())
    }

    /// Keeps what tests or a keep list reached, also where the entry expression does not: classes and
    /// bindings. Where there is any such thing, all of them are kept so: whether production or a test
    /// reached a thing first may be a matter of time, and the image must not depend on it. And what
    /// came though nothing but weak slots holds it now: in the full image something did that stayed
    /// behind.
    fn anchor(&mut self, selection: &Selection) -> Result<(), ShrinkError> {
        let is_extra = |taken: &Taken| taken.because.iter().any(|reason| reason != ENTRY_PHASE);
        let is_named = |taken: &&Taken| match &taken.placed.draft {
            Draft::Class(_) => true,
            Draft::Object(object) => !matches!(object.root, Ref::Local(_)),
            _ => false,
        };
        let mut anchored: Vec<Oop> = Vec::new();
        if selection.taken.iter().any(is_extra) {
            let taken = selection.taken.iter().filter(is_named);
            anchored.extend(taken.filter_map(|taken| self.presence.get(taken.placed.id)));
            self.keep_alive(&anchored)?;
        }
        loop {
            let fading = Live::of(&self.heap).fading(&self.heap);
            if fading.is_empty() {
                return Ok(());
            }
            anchored.extend(fading);
            self.keep_alive(&anchored)?;
        }
    }

    /// Puts objects into an array behind the last special object that virtual machines know.
    fn keep_alive(&mut self, anchored: &[Oop]) -> Result<(), NeedsSpace> {
        let anchors = self
            .heap
            .allocate_old(ClassIndex::ARRAY, Format::ARRAY, anchored.len())?;
        for (slot, oop) in anchored.iter().enumerate() {
            self.heap.store(anchors, slot, *oop);
        }
        let known = self.heap.special_objects();
        let longer = self
            .heap
            .allocate_old(ClassIndex::ARRAY, Format::ARRAY, KNOWN_COUNT + 1)?;
        for slot in 0..KNOWN_COUNT {
            let value = self.heap.slot(known, slot);
            self.heap.store(longer, slot, value);
        }
        self.heap.store(longer, KNOWN_COUNT, anchors);
        self.heap.set_special_objects(longer);
        Ok(())
    }

    /// Makes the process that runs the entry expression the active one.
    fn start_with(&mut self, entry: &MethodDraft) -> Result<(), ShrinkError> {
        let placed = Placed::nowhere(Draft::Method(entry.clone()));
        let method = self.installer().make_method(entry, &placed, 0)?;
        let nil = self.heap.nil();
        let bottom = bottom_context(&mut self.heap, method, nil)?;
        let index = self
            .names
            .class_index("Process")
            .ok_or(imprint_vm::seed::SeedError::Lacking("Process"))?;
        let active = self
            .heap
            .allocate_old(index, Format::FIXED, process::SIZE)?;
        self.heap.store(active, process::SUSPENDED_CONTEXT, bottom);
        self.heap
            .store(active, process::PRIORITY, Oop::small(ENTRY_PRIORITY));
        let binding = self.heap.known(imprint_model::Known::SchedulerBinding);
        let scheduler = self
            .heap
            .slot(binding, imprint_model::layout::association::VALUE);
        self.heap
            .store(scheduler, scheduler::ACTIVE_PROCESS, active);
        Ok(())
    }
}
