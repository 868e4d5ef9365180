//! Packages by the hundred: taken out of an image, and made part of another, beside the figures that
//! Tanker published for as many.
//!
//! What is packed are copies of the kernel's own classes, under other names and spread over packages of
//! the same number, so that methods, hierarchies and extensions are such as people write.

use std::time::{Duration, Instant};

use imprint_bootstrap::{FullImage, PackageSet, build, embedded_packages};
use imprint_heap::{Heap, HeapSettings};
use imprint_host::LocalOutside;
use imprint_image::{PristineImage, Sources, read_image, spur_bytes};
use imprint_isa::{MethodDraft, Name, Package};
use imprint_loader::{ClassDefinition, MethodDefinition, PackageDefinition};
use imprint_package::export::Extras;
use imprint_package::membership::Member;
use imprint_package::{Exporter, Installed, Losing, install, read_packages, write_packages};
use imprint_vm::extract::{Customs, ImageIndex};
use imprint_vm::install::{Names, source_pointer_in};
use imprint_vm::{Vm, VmSettings};

use super::clock;
use super::facts::Figure;
use super::machine::Failed;

/// Packages and classes that Tanker exported. Source: the Fuel team's figures of Tanker, 149 packages of
/// Pharo with 2,400 classes.
const PACKAGES: usize = 149;
const CLASSES: usize = 2400;
/// How long Tanker took to export them, and to materialise them.
const TANKER: [Duration; 2] = [Duration::from_millis(7700), Duration::from_millis(1500)];
/// What is aimed at.
const AIMS: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(100)];
/// How often each is measured.
const TURNS: usize = 11;
/// Room for the copies.
const HEAP_BYTES: usize = 1 << 30;

/// Measures both ways.
pub(super) fn packages() -> Result<Vec<Figure>, Failed> {
    let kernel = embedded_packages(|_| false)?;
    let full = machine(&with_copies(&kernel)?)?;
    let pristine = PristineImage::from_bytes(&spur_bytes(&full.vm.heap)?)?;
    let names = (1..=PACKAGES).map(name_of).collect::<Vec<Name>>();
    let mut file = Vec::new();
    let mut exporting = Turns::default();
    for _ in 0..TURNS {
        (file, _) = exporting.time(|| export(&pristine, &full.sources, &names))?;
    }
    let base = spur_bytes(&machine(&kernel)?.vm.heap)?;
    let mut installing = Turns::default();
    let mut installed = Installed::default();
    for _ in 0..TURNS {
        let mut vm = open(&base)?;
        (installed, _) = installing.time(|| materialise(&mut vm, &file))?;
    }
    let sizes = format!(
        "{PACKAGES} packages, {} classes, {} methods with their texts, {} KB",
        installed.new_classes,
        installed.methods,
        file.len() >> 10
    );
    Ok(vec![
        exporting.figure("export packages", &sizes, 0),
        installing.figure("install packages", "the same, verified", 1),
    ])
}

/// The times of some turns.
#[derive(Default)]
struct Turns {
    times: Vec<Duration>,
    /// What all threads had of the processors in all turns.
    on_processors: Duration,
}

impl Turns {
    fn time<T>(&mut self, work: impl FnOnce() -> Result<T, Failed>) -> Result<T, Failed> {
        let before = clock::of_process()?;
        let begin = Instant::now();
        let done = work()?;
        self.times.push(begin.elapsed());
        self.on_processors += clock::of_process()?.saturating_sub(before);
        Ok(done)
    }

    fn figure(self, name: &str, what: &str, which: usize) -> Figure {
        let on_processors = self.on_processors.as_millis() / TURNS as u128;
        let mut figure = Figure::of(name, self.times, "");
        let ratio = TANKER[which].as_secs_f64() / figure.best.as_secs_f64();
        figure.words = format!(
            "{what}; {on_processors} ms on processors a turn; at best {ratio:.0} times as fast as \
             Tanker's published {:.1} s; aim: {} ms",
            TANKER[which].as_secs_f64(),
            AIMS[which].as_millis()
        );
        figure
    }
}

/// Reads a file, verifies it and makes it part of an image. The packages are given back, since to forget
/// them is no part of it.
fn materialise(vm: &mut Vm, file: &[u8]) -> Result<(Installed, Vec<Package>), Failed> {
    let mut texts = Sources::default();
    let packages = read_packages(file)?.packages;
    texts.make_room(packages.iter().flat_map(Package::texts));
    let mut keep_text = |method: &MethodDraft, text: &str| {
        texts.add(&method.behavior.to_string(), &method.protocol, text)
    };
    let installed = install(vm, &packages, Losing::Refused, &mut keep_text)?;
    Ok((installed, packages))
}

fn export(
    image: &PristineImage,
    sources: &Sources,
    names: &[Name],
) -> Result<(Vec<u8>, Vec<Package>), Failed> {
    let heap = image.heap();
    let index = ImageIndex::scan(heap);
    let text_of =
        |member: &Member| sources.at(source_pointer_in(heap, index.names(), member.method));
    let customs = Customs::default();
    let exporter = Exporter::new(heap, &index, &customs, &text_of);
    let packages = exporter.packages(names, &Extras::default())?;
    let file = write_packages(&packages, None)?;
    Ok((file, packages))
}

fn settings() -> HeapSettings {
    HeapSettings {
        limit_bytes: HEAP_BYTES,
        ..HeapSettings::for_builder()
    }
}

fn machine(set: &PackageSet) -> Result<FullImage, Failed> {
    let outside = LocalOutside::new()?;
    Ok(build(set, Heap::new(settings())?, |heap, names| {
        let mut vm = Vm::new(heap, Box::new(outside), VmSettings::default());
        vm.names = names;
        vm
    })?)
}

fn open(image: &[u8]) -> Result<Vm, Failed> {
    let heap = read_image(image, settings())?.heap;
    let names = Names::scan(&heap);
    let outside = LocalOutside::new()?;
    let mut vm = Vm::new(heap, Box::new(outside), VmSettings::default());
    vm.names = names;
    Ok(vm)
}

fn name_of(number: usize) -> Name {
    format!("Copies{number}").into()
}

/// The classes of a kernel, superclasses first: so the last copies have theirs too.
fn in_order(kernel: &PackageSet) -> Result<Vec<&ClassDefinition>, Failed> {
    Ok(imprint_bootstrap::order::in_order(&kernel.packages)?)
}

/// The kernel, and copies of its classes in packages of their own.
fn with_copies(kernel: &PackageSet) -> Result<PackageSet, Failed> {
    let mut copies: Vec<PackageDefinition> = (1..=PACKAGES)
        .map(|number| PackageDefinition {
            name: name_of(number).to_string(),
            ..PackageDefinition::default()
        })
        .collect();
    let originals = in_order(kernel)?;
    let extensions: Vec<&MethodDefinition> = kernel
        .packages
        .iter()
        .flat_map(|it| &it.extensions)
        .collect();
    for number in 0..CLASSES {
        let (generation, position) = (number / originals.len(), number % originals.len());
        let copy = copy_of(originals[position], generation);
        let package = &mut copies[number % PACKAGES];
        package.classes.push(ClassDefinition {
            package: package.name.clone(),
            ..copy
        });
        let extended = extensions
            .iter()
            .filter(|it| it.class_name == originals[position].name);
        let extending = &mut copies[(number + 1) % PACKAGES].extensions;
        extending.extend(extended.filter_map(|it| method_of(it, generation)));
    }
    let mut set = kernel.clone();
    set.packages.extend(copies);
    Ok(set)
}

fn copied(name: &str, generation: usize) -> String {
    format!("{name}Copy{generation}")
}

fn copy_of(class: &ClassDefinition, generation: usize) -> ClassDefinition {
    let superclass = class
        .superclass
        .as_deref()
        .map(|name| copied(name, generation));
    let methods = class.methods.iter();
    ClassDefinition {
        name: copied(&class.name, generation),
        superclass,
        methods: methods.filter_map(|it| method_of(it, generation)).collect(),
        ..class.clone()
    }
}

/// The method of a copy; copies are not initialised, since that would run what the originals' code names.
fn method_of(method: &MethodDefinition, generation: usize) -> Option<MethodDefinition> {
    let is_initialiser = method.is_meta && method.selector == "initialize";
    (!is_initialiser).then(|| MethodDefinition {
        class_name: copied(&method.class_name, generation),
        ..method.clone()
    })
}
