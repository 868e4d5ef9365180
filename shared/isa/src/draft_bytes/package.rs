//! The bytes of packages: drafts in their packed form, and the fields beside them.
//!
//! ```text
//! packages = version u8 (2), list of packages, each a blob
//! package  = name, version, needs, lineage, classes, methods, objects, flag and `before`, flag and `after`
//! need     = kind u8, name, by, from            class = draft, comment          method = draft, text
//! object   = root, groups        group = class, format u8, read-only flag, members
//! member   = its position among the locals, bytes or slots
//! ```
//!
//! Names are said once in each package, and numbered from then on, as on a stream. The objects of a
//! graph are grouped: those of one class, format and flag stand together, and what they have in common
//! is said once. A package depends on no bytes but its own, so that packages are read side by side.

use std::collections::HashMap;

use imprint_model::Format;

use super::memory::{Memory, Recollection};
use super::reader::Reader;
use super::writer::Writer;
use super::{DraftError, KIND_CLASS, KIND_METHOD};
use crate::draft::{Body, LocalObject, MethodDraft, ObjectDraft, Ref};
use crate::package::{NEED_KINDS, Need, Package, PackagedClass, PackagedMethod};

/// Version of the form.
pub const PACKAGES_VERSION: u8 = 2;

/// The bytes of packages.
pub fn encode_packages(packages: &[Package]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = packages.iter().map(encode_package).collect();
    join_packages(&bytes)
}

/// The bytes of packages, of those of each.
pub fn join_packages(packages: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::canonical(packages.iter().map(Vec::len).sum::<usize>() + 16);
    writer.byte(PACKAGES_VERSION);
    writer.list(packages, |writer, bytes| writer.blob(bytes));
    writer.bytes
}

/// The bytes of each package, not looked into yet.
///
/// # Errors
/// Where they are cut, too long or of another version.
pub fn split_packages(bytes: &[u8]) -> Result<Vec<&[u8]>, DraftError> {
    let mut reader = Reader::canonical(bytes);
    match reader.byte()? {
        PACKAGES_VERSION => {}
        version => return Err(DraftError::Version(version)),
    }
    let packages = reader.list(|reader| reader.blob())?;
    reader.end()?;
    Ok(packages)
}

/// The bytes of one package.
pub fn encode_package(package: &Package) -> Vec<u8> {
    let mut memory = Memory::default();
    let mut writer = Writer::packed(&mut memory);
    writer.text(&package.name);
    writer.text(&package.version);
    writer.list(&package.needs, need);
    writer.list(&package.lineage, |writer, class| writer.class(class));
    writer.list(&package.classes, |writer, class| {
        writer.class(&class.draft);
        writer.said_once(&class.comment);
    });
    writer.list(&package.methods, |writer, method| {
        writer.method(&method.draft);
        writer.said_once(&method.text);
    });
    writer.list(&package.objects, grouped);
    for expression in [&package.before, &package.after] {
        writer.flag(expression.is_some());
        if let Some(expression) = expression {
            writer.method(expression);
        }
    }
    writer.bytes
}

fn need(writer: &mut Writer<'_>, need: &Need) {
    let kind = NEED_KINDS.iter().position(|(kind, _)| *kind == need.kind);
    writer.byte(kind.unwrap_or_default() as u8);
    for text in [&need.name, &need.by, &need.from] {
        writer.text(text);
    }
}

/// Reads one package.
///
/// # Errors
/// As [`super::decode`].
pub fn decode_package(bytes: &[u8]) -> Result<Package, DraftError> {
    let mut memory = Recollection::default();
    let mut reader = Reader::packed(bytes, &mut memory);
    let package = Package {
        name: reader.text()?,
        version: reader.text()?,
        needs: reader.list(read_need)?,
        lineage: reader.list(|reader| {
            reader.kind(KIND_CLASS)?;
            reader.class()
        })?,
        classes: reader.list(|reader| {
            reader.kind(KIND_CLASS)?;
            Ok(PackagedClass {
                draft: reader.class()?,
                comment: reader.said_once()?,
            })
        })?,
        methods: reader.list(|reader| {
            Ok(PackagedMethod {
                draft: read_method(reader)?,
                text: reader.said_once()?,
            })
        })?,
        objects: reader.list(read_grouped)?,
        before: read_expression(&mut reader)?,
        after: read_expression(&mut reader)?,
    };
    reader.end()?;
    Ok(package)
}

fn read_need(reader: &mut Reader<'_>) -> Result<Need, DraftError> {
    let kind = NEED_KINDS.get(usize::from(reader.byte()?));
    Ok(Need {
        kind: kind.map_or_else(|| reader.invalid("need"), |(kind, _)| Ok(*kind))?,
        name: reader.text()?,
        by: reader.text()?,
        from: reader.text()?,
    })
}

fn read_method(reader: &mut Reader<'_>) -> Result<MethodDraft, DraftError> {
    reader.kind(KIND_METHOD)?;
    reader.method()
}

fn read_expression(reader: &mut Reader<'_>) -> Result<Option<MethodDraft>, DraftError> {
    reader.flag()?.then(|| read_method(reader)).transpose()
}

/// Whether two objects have everything in common that a group says once.
fn are_alike(one: &LocalObject, other: &LocalObject) -> bool {
    one.class == other.class && one.format == other.format && one.read_only == other.read_only
}

/// The positions of the objects, those of a group together, groups in the order of their first.
fn groups(locals: &[LocalObject]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut by_class: HashMap<Vec<u8>, usize> = HashMap::new();
    for (position, local) in locals.iter().enumerate() {
        let mut key = super::encode_reference(&local.class);
        key.extend([local.format.bits(), u8::from(local.read_only)]);
        let group = *by_class.entry(key).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(position);
    }
    groups
}

fn grouped(writer: &mut Writer<'_>, object: &ObjectDraft) {
    writer.reference(&object.root);
    let groups = groups(&object.locals);
    writer.number(object.locals.len() as u64);
    writer.list(&groups, |writer, members| {
        let first = &object.locals[members[0]];
        writer.reference(&first.class);
        writer.byte(first.format.bits());
        writer.flag(first.read_only);
        writer.list(members, |writer, position| {
            debug_assert!(are_alike(first, &object.locals[*position]), "one group");
            writer.number(*position as u64);
            writer.body(&object.locals[*position].body);
        });
    });
}

fn read_grouped(reader: &mut Reader<'_>) -> Result<ObjectDraft, DraftError> {
    let root = reader.reference()?;
    let count = usize::try_from(reader.number()?).unwrap_or(usize::MAX);
    // Each object takes at least two bytes.
    if count > reader.remaining() / 2 {
        return Err(DraftError::Truncated(reader.bytes.len()));
    }
    let mut places: Vec<Option<LocalObject>> = vec![None; count];
    reader.list(|reader| read_group(reader, &mut places))?;
    let locals: Option<Vec<LocalObject>> = places.into_iter().collect();
    let locals = locals.map_or_else(|| reader.invalid("count of objects"), Ok)?;
    Ok(ObjectDraft { root, locals })
}

fn read_group(
    reader: &mut Reader<'_>,
    places: &mut [Option<LocalObject>],
) -> Result<(), DraftError> {
    let class: Ref = reader.reference()?;
    let format: Format = reader.format()?;
    let read_only = reader.flag()?;
    reader.list(|reader| {
        let position = usize::try_from(reader.number()?).unwrap_or(usize::MAX);
        let body: Body = reader.body(format)?;
        match places.get_mut(position) {
            Some(place @ None) => {
                *place = Some(LocalObject {
                    class: class.clone(),
                    format,
                    hash: 0,
                    read_only,
                    body,
                });
                Ok(())
            }
            _ => reader.invalid("position of an object"),
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{sample_class, sample_method};
    use super::*;
    use crate::draft::Draft;
    use crate::package::NeedKind;

    fn sample() -> Package {
        let (Draft::Class(class), Draft::Method(method)) = (sample_class(), sample_method()) else {
            unreachable!("the samples are a class and a method");
        };
        let pair = |first: Ref, second: Ref| {
            LocalObject::mutable("Point", Format::FIXED, Body::Slots(vec![first, second]))
        };
        let text = LocalObject::mutable("ByteString", Format::BYTES, Body::Bytes(b"cut".to_vec()));
        // A point, a text that two share, and a point that leads back.
        let object = ObjectDraft {
            root: Ref::Global("Sample".into()),
            locals: vec![
                pair(Ref::Local(1), Ref::Local(2)),
                text,
                pair(Ref::Local(0), Ref::Local(1)),
            ],
        };
        Package {
            name: "Foo".into(),
            version: "1.2".into(),
            lineage: vec![class.clone()],
            needs: vec![Need {
                kind: NeedKind::Pool,
                name: "FooPool".into(),
                by: "Foo".into(),
                from: "Foo-Pools".into(),
            }],
            classes: vec![PackagedClass {
                draft: class,
                comment: "I am Foo.".into(),
            }],
            methods: vec![PackagedMethod {
                draft: method.clone(),
                text: "bar ^ 3".into(),
            }],
            objects: vec![object],
            before: None,
            after: Some(method),
        }
    }

    #[test]
    fn packages_read_back() {
        let packages = [sample(), Package::default()];
        let bytes = encode_packages(&packages);
        let parts = split_packages(&bytes).unwrap();
        let read: Vec<Package> = parts
            .into_iter()
            .map(|it| decode_package(it).unwrap())
            .collect();
        assert_eq!(read, packages);
    }

    #[test]
    fn every_cut_is_refused_and_no_changed_byte_makes_a_reader_fall() {
        let bytes = encode_package(&sample());
        for length in 0..bytes.len() {
            assert!(decode_package(&bytes[..length]).is_err(), "cut at {length}");
        }
        for at in 0..bytes.len() {
            for flip in [1, 0x40, 0x80, 0xFF] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                if let Ok(other) = decode_package(&changed) {
                    let again = decode_package(&encode_package(&other));
                    assert_eq!(again, Ok(other), "byte {at}");
                }
            }
        }
    }

    #[test]
    fn the_bytes_of_a_package_are_fixed() {
        let hex = blake3::hash(&encode_packages(&[sample()])).to_hex();
        assert_eq!(
            &hex[..16],
            GOLDEN,
            "the form changed: raise PACKAGES_VERSION"
        );
    }

    const GOLDEN: &str = "7a8aa764f6de603c";
}
