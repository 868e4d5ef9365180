//! `master package NAME... -o FILE`: packages of an image into a file that needs no compiler.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use imprint_bootstrap::compile_expression;
use imprint_image::{PristineImage, Sources, write_beside_and_rename};
use imprint_isa::{MethodDraft, Name, Package as Packaged, Ref};
use imprint_loader::PackageDefinition;
use imprint_model::Oop;
use imprint_package::customs::{TRAVELLERS, array_of, customs_of, unasked};
use imprint_package::export::{Extras, Said};
use imprint_package::membership::Member;
use imprint_package::{Exporter, SigningKey, write_packages};
use imprint_report::{byte_size, count, print};
use imprint_slave::command_line::refuse_same_file;
use imprint_slave::ending::code;
use imprint_vm::extract::ImageIndex;
use imprint_vm::install::{Names, source_pointer_in};
use imprint_vm::{CommandLine, Outcome, RunLimits};

use crate::cache;
use crate::command_line::{Failure, Package, PackageKey};
use crate::full_image::LiveImage;
use crate::project::LoadedSources;

/// Writes a package file.
///
/// # Errors
/// Where the image cannot be opened or built, has no such package, or something in it cannot travel.
pub fn package(package: &Package) -> Result<u8, Failure> {
    let key = package.sign.as_deref().map(signing_key).transpose()?;
    let (mut image, names, definitions) = image_of(package)?;
    let objects = package
        .object
        .iter()
        .map(|word| object(&mut image, word))
        .collect::<Result<Vec<Ref>>>()?;
    if let Some(input) = &package.image {
        refuse_same_file(input, &package.output)?;
    }
    ask_travellers(&mut image, &objects)?;
    package.never.withhold(&mut image)?;
    let bytes = image.pristine_bytes()?;
    let pristine = PristineImage::from_bytes(&bytes)
        .map_err(|problem| anyhow!("cannot take packages of the image: {problem}"))?;
    let index = ImageIndex::scan(pristine.heap());
    let extras = Extras {
        version: package.version.as_str().into(),
        objects,
        before: expression(index.names(), package.before.as_deref())?,
        after: expression(index.names(), package.after.as_deref())?,
        said: said_by(&definitions, index.names())?,
    };
    let texts = Sources::from_bytes(image.texts());
    let text_of = |member: &Member| {
        texts.at(source_pointer_in(
            pristine.heap(),
            index.names(),
            member.method,
        ))
    };
    let customs = customs_of(pristine.heap(), index.names());
    let exporter = Exporter::new(pristine.heap(), &index, &customs, &text_of);
    let packages = exporter
        .packages(&names, &extras)
        .map_err(anyhow::Error::from)?;
    let file = write_packages(&packages, key.as_ref()).map_err(anyhow::Error::from)?;
    write_beside_and_rename(&package.output, &file).context("cannot write the package file")?;
    tell(&packages, file.len(), &package.output);
    Ok(code::DONE)
}

/// Makes a key to sign packages with, and the public one beside it.
///
/// # Errors
/// Where a file of that name is there already, or it cannot be written.
pub fn package_key(order: &PackageKey) -> Result<u8, Failure> {
    let public_path = order.key.with_extension("pub");
    for path in [&order.key, &public_path] {
        if path.exists() {
            let path = path.display();
            return Err(anyhow!(
                "{path} is there already; a key that is lost cannot be made again"
            )
            .into());
        }
    }
    let document = SigningKey::generate().map_err(anyhow::Error::from)?;
    let key = SigningKey::from_document(&document).map_err(anyhow::Error::from)?;
    write_secret(&order.key, &document)?;
    let text = format!("{}\n", key.public());
    write_beside_and_rename(&public_path, text.as_bytes())
        .context("cannot write the public key")?;
    print(&format!(
        "key           {}   keep it to yourself\npublic key    {}   give it to who installs",
        order.key.display(),
        public_path.display()
    ));
    Ok(code::DONE)
}

/// Writes a new file that nobody else may read.
fn write_secret(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn signing_key(path: &Path) -> Result<SigningKey> {
    let document = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let key = SigningKey::from_document(&document);
    key.with_context(|| format!("cannot sign with {}", path.display()))
}

/// The image that packages are taken from, their names, and what their sources say of them.
fn image_of(package: &Package) -> Result<(LiveImage, Vec<Name>, Vec<PackageDefinition>)> {
    let mut definitions = Vec::new();
    let named: Vec<Name> = package
        .names
        .iter()
        .map(|name| name.as_str().into())
        .collect();
    let command_line = CommandLine::default();
    let (image, names) = match (&package.image, &package.load) {
        (Some(image), _) => (LiveImage::open(image, command_line)?, named),
        (None, Some(folder)) => {
            let sources = LoadedSources::project(folder)?;
            let own = sources.own_packages.iter().map(|name| name.as_str().into());
            let names = if named.is_empty() {
                own.collect()
            } else {
                named
            };
            let image = LiveImage::build(&sources, command_line)?;
            definitions = sources.set.packages;
            (image, names)
        }
        (None, None) => {
            let is_named = |name: &str| named.iter().any(|known| &**known == name);
            let has_tests = named.iter().any(|name| name.ends_with("-Tests"));
            let image = match has_tests {
                true => LiveImage::build(&LoadedSources::kernel(is_named)?, command_line)?,
                false => cache::embedded_image(command_line)?,
            };
            (image, named)
        }
    };
    if names.is_empty() {
        bail!("name the packages that go into the file");
    }
    Ok((image, names, definitions))
}

/// What packages say themselves of what runs before and after them.
fn said_by(definitions: &[PackageDefinition], names: &Names) -> Result<HashMap<Name, Said>> {
    let mut all = HashMap::new();
    for package in definitions {
        let compiled = |moment: &str, source: &str| {
            let source = Some(source).filter(|source| !source.trim().is_empty());
            expression(names, source)
                .with_context(|| format!("cannot compile what runs {moment} {}", package.name))
        };
        let said = Said {
            before: compiled("before", &package.before)?,
            after: compiled("after", &package.after)?,
        };
        all.insert(package.name.as_str().into(), said);
    }
    Ok(all)
}

/// The variable that `NAME`, `NAME=EXPR`, `Class>>Variable` or `Class>>Variable=EXPR` names; an
/// expression is evaluated, and its value is what the variable holds from then on.
fn object(image: &mut LiveImage, word: &str) -> Result<Ref> {
    let (name, expression) = match word.split_once('=') {
        Some((name, expression)) => (name.trim(), Some(expression)),
        None => (word.trim(), None),
    };
    let is_name = |text: &str| {
        let begins = text.starts_with(|letter: char| letter.is_ascii_uppercase());
        begins
            && text
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    let (reference, store) = match name.split_once(">>") {
        Some((class, variable)) if is_name(class) && is_name(variable) => {
            let reference = Ref::ClassVariable {
                class: class.into(),
                name: variable.into(),
            };
            (
                reference,
                format!("{class} classVarNamed: '{variable}' put:"),
            )
        }
        None if is_name(name) => {
            let store = format!("Smalltalk at: #{name} put:");
            (Ref::Global(name.into()), store)
        }
        _ => {
            bail!("'{word}' names no object; say NAME, Class>>Variable, or one of these with =EXPR")
        }
    };
    if let Some(expression) = expression {
        let stored = format!("{store} ([ {expression} ] value)");
        match image.evaluate(&stored, RunLimits::default())? {
            Outcome::Returned(_) => {}
            Outcome::Terminated { error } => {
                bail!(
                    "{expression}: {}",
                    error.unwrap_or_else(|| "it ended in an error".to_owned())
                )
            }
            other => bail!("{expression}: {other:?}"),
        }
    }
    Ok(reference)
}

/// Rounds in which what travels in the stead of others leads to more that must be asked.
const ROUNDS_MAX: usize = 100;

/// Has the image say what goes in the stead of objects that mean something in it only.
fn ask_travellers(image: &mut LiveImage, objects: &[Ref]) -> Result<()> {
    if objects.is_empty() || image.vm.names.class(TRAVELLERS).is_none() {
        return Ok(());
    }
    let nil = image.vm.heap.nil();
    ask(image, nil, "Travellers prepare")?;
    for _ in 0..ROUNDS_MAX {
        let index = ImageIndex::scan(&image.vm.heap);
        let customs = customs_of(&image.vm.heap, index.names());
        let waiting = unasked(&image.vm.heap, &index, &customs, objects);
        if waiting.is_empty() {
            return Ok(());
        }
        let waiting = array_of(&mut image.vm.heap, &waiting)
            .map_err(|space| anyhow!("there is no room for {} bytes", space.bytes))?;
        ask(image, waiting, "Travellers ask: self")?;
    }
    bail!("the objects lead to others without an end; see their asTraveller")
}

fn ask(image: &mut LiveImage, receiver: Oop, expression: &str) -> Result<()> {
    match image.run_on(receiver, expression, RunLimits::default())? {
        Outcome::Returned(_) => Ok(()),
        other => bail!("{expression} did not end well: {other:?}"),
    }
}

fn expression(names: &Names, source: Option<&str>) -> Result<Option<MethodDraft>> {
    let compiled = source.map(|source| compile_expression(names, source));
    compiled.transpose().map_err(|text| anyhow!(text))
}

fn tell(packages: &[Packaged], bytes: usize, path: &Path) {
    let classes: usize = packages.iter().map(|package| package.classes.len()).sum();
    let methods: usize = packages.iter().map(|package| package.methods.len()).sum();
    let objects: usize = packages.iter().map(|package| package.objects.len()).sum();
    print(&format!(
        "package       {} packages   {} classes   {} methods   {} objects   {}   {}",
        count(packages.len() as u64),
        count(classes as u64),
        count(methods as u64),
        count(objects as u64),
        byte_size(bytes as u64),
        path.display()
    ));
    let is_here = |name: &&Name| packages.iter().any(|package| package.name == **name);
    let mut needed: Vec<&Name> = packages
        .iter()
        .flat_map(Packaged::needed_packages)
        .collect();
    needed.sort();
    needed.dedup();
    needed.retain(|name| !is_here(name));
    let needed: Vec<&str> = needed.into_iter().map(|name| &**name).collect();
    if !needed.is_empty() {
        print(&format!("needs         {}", needed.join(", ")));
    }
}
