//! A project's folder as a list of files -> its packages, in the order in which they are loaded.
//!
//! ```text
//! .smalltalk.ston ── #loading ──> folder, baseline, groups ──> baseline's method ──> packages in order
//! .project ── srcDirectory ──> folder, where #loading names none
//! ```
//! Without a `.smalltalk.ston` every package is loaded. What a baseline needs from elsewhere must lie in
//! the same folder: nothing is fetched.

use std::collections::BTreeSet;

use crate::baseline::{Baseline, ProjectReference};
use crate::definition::{ClassDefinition, PackageDefinition};
use crate::layout::ProjectLayout;
use crate::problem::{Defect, LoadError, Problem};
use crate::project::{LoadSpec, MetacelloLoad, MonticelloLoad, Project};
use crate::repository::{Reading, SourceFile, read_packages};
use crate::traits::flatten_traits;

/// The platforms that load specs and baselines may name to mean us: our kernel has Pharo's names.
pub const PLATFORMS: &[&str] = &["imprint", "pharo", "pharo12.x"];

/// The file that describes a project.
const PROJECT_FILE: &str = ".smalltalk.ston";

/// A project, ready to be built.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadedProject {
    /// What its `.smalltalk.ston` says; empty if there is none.
    pub project: Project,
    /// Paths of the files, at the positions that [`crate::Origin::file`] names.
    pub paths: Vec<String>,
    /// What is to be loaded, each package after what it requires; traits are flattened.
    pub packages: Vec<PackageDefinition>,
}

/// Reads a project; paths are relative to its root.
///
/// # Errors
/// Every fault of the project's files, and whatever is named but not there.
pub fn read_project<'text>(
    files: impl IntoIterator<Item = SourceFile<'text>>,
) -> Result<LoadedProject, LoadError> {
    let files: Vec<SourceFile<'text>> = files.into_iter().collect();
    let text_of = |path: &str| {
        files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text)
    };
    let project = match text_of(PROJECT_FILE) {
        Some(text) => Project::read(PROJECT_FILE, text)?,
        None => Project::default(),
    };
    let layout = match text_of(".project") {
        Some(text) => ProjectLayout::read(".project", text)?,
        None => ProjectLayout::default(),
    };
    let mut loader = Loader::new(read_packages(files));
    loader.load_all(&project, &layout.source_folder);
    loader.finish(project)
}

struct Loader {
    reading: Reading,
    chosen: Vec<usize>,
    begun: BTreeSet<String>,
}

impl Loader {
    fn new(reading: Reading) -> Self {
        Self {
            reading,
            chosen: Vec::new(),
            begun: BTreeSet::new(),
        }
    }

    fn load_all(&mut self, project: &Project, default_folder: &str) {
        if project.loading.is_empty() {
            self.choose_whole(default_folder);
        }
        for spec in project.loading.iter().filter(|spec| spec.is_for(PLATFORMS)) {
            match spec {
                LoadSpec::Metacello(load) => self.metacello(load, default_folder),
                LoadSpec::Monticello(load) | LoadSpec::Gofer(load) => {
                    self.monticello(load, default_folder)
                }
            }
        }
        if self.chosen.is_empty() && self.reading.problems.is_empty() {
            self.note(Defect::NothingToLoad);
        }
    }

    /// Every package of a folder but those that only describe it.
    fn choose_whole(&mut self, folder: &str) {
        let folder = normalised(folder);
        for index in 0..self.reading.packages.len() {
            let describes = self.reading.packages[index]
                .classes
                .iter()
                .any(is_description);
            if !describes && self.lies_in(index, &folder) {
                self.chosen.push(index);
            }
        }
    }

    fn metacello(&mut self, load: &MetacelloLoad, default_folder: &str) {
        let folder = normalised(load.directory.as_deref().unwrap_or(default_folder));
        match &load.baseline {
            Some(name) => self.baseline(name, &folder, &load.load),
            None => {
                let name = load.configuration.clone().unwrap_or_default();
                self.note(Defect::Configuration { name });
            }
        }
    }

    fn baseline(&mut self, name: &str, folder: &str, wanted: &[String]) {
        if !self.begun.insert(name.to_owned()) {
            return;
        }
        let Some((class, path)) = self.baseline_class(name, folder) else {
            let defect = Defect::MissingBaseline {
                name: name.to_owned(),
                folder: shown(folder),
            };
            return self.note(defect);
        };
        let order = Baseline::read(&class, &path, PLATFORMS).and_then(|baseline| {
            let problem = |defect| Problem {
                path: path.clone(),
                line: class.origin.line,
                defect,
            };
            let order = baseline.load_order(wanted);
            order.map_err(|defect| LoadError {
                problems: vec![problem(defect)],
            })
        });
        match order {
            Ok(order) => {
                order
                    .projects
                    .iter()
                    .for_each(|project| self.foreign_project(project, folder));
                order
                    .packages
                    .iter()
                    .for_each(|package| self.choose(package, folder));
            }
            Err(error) => self.reading.problems.extend(error.problems),
        }
    }

    fn baseline_class(&self, name: &str, folder: &str) -> Option<(ClassDefinition, String)> {
        let class_name = format!("BaselineOf{name}");
        let packages = self.reading.packages.iter().enumerate();
        let inside = packages.filter(|(index, _)| self.lies_in(*index, folder));
        let mut classes = inside.flat_map(|(_, package)| &package.classes);
        let class = classes.find(|class| class.name == class_name)?;
        Some((class.clone(), self.path_at(class.origin.file).to_owned()))
    }

    /// A project that a baseline needs: it must lie in the same folder.
    fn foreign_project(&mut self, project: &ProjectReference, folder: &str) {
        if self.begun.contains(&project.name) {
            return;
        }
        match self.baseline_class(&project.name, folder) {
            Some(_) => self.baseline(&project.name, folder, &project.loads),
            None => self.note(Defect::ForeignProject {
                name: project.name.clone(),
                repository: project
                    .repository
                    .clone()
                    .unwrap_or_else(|| "somewhere else".to_owned()),
            }),
        }
    }

    /// `filetree://` and `tonel://` name a local folder; anything else lies elsewhere.
    fn monticello(&mut self, load: &MonticelloLoad, default_folder: &str) {
        let url = load.url.as_deref().unwrap_or(default_folder);
        let local = ["filetree://", "tonel://"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme));
        if local.is_none() && url.contains("://") {
            let name = load.packages.join(", ");
            return self.note(Defect::ForeignProject {
                name,
                repository: url.to_owned(),
            });
        }
        let folder = normalised(local.unwrap_or(url));
        load.packages
            .iter()
            .for_each(|package| self.choose(package, &folder));
        if load.packages.is_empty() {
            self.choose_whole(&folder);
        }
    }

    fn choose(&mut self, name: &str, folder: &str) {
        let packages = self.reading.packages.iter().enumerate();
        let mut named = packages
            .filter(|(_, package)| package.name == name)
            .map(|(index, _)| index);
        match named.find(|&index| self.lies_in(index, folder)) {
            Some(index) if self.chosen.contains(&index) => {}
            Some(index) => self.chosen.push(index),
            None => self.note(Defect::MissingPackage {
                name: name.to_owned(),
                folder: shown(folder),
            }),
        }
    }

    /// Whether a package's files lie in a folder, as its first definition tells.
    fn lies_in(&self, index: usize, folder: &str) -> bool {
        let package = &self.reading.packages[index];
        let path = first_file(package).map_or("", |file| self.path_at(file));
        folder.is_empty()
            || path
                .strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
    }

    fn path_at(&self, file: u32) -> &str {
        let index = usize::try_from(file).unwrap_or(usize::MAX);
        self.reading.paths.get(index).map_or("", String::as_str)
    }

    fn note(&mut self, defect: Defect) {
        self.reading.problems.push(Problem {
            path: PROJECT_FILE.to_owned(),
            line: 1,
            defect,
        });
    }

    fn finish(self, project: Project) -> Result<LoadedProject, LoadError> {
        let chosen = self.chosen;
        let (paths, packages) = self.reading.into_result()?;
        let mut packages: Vec<Option<PackageDefinition>> = packages.into_iter().map(Some).collect();
        let in_order = chosen
            .into_iter()
            .filter_map(|index| packages.get_mut(index)?.take());
        let mut packages: Vec<PackageDefinition> = in_order.collect();
        let problems = flatten_traits(&mut packages, &paths);
        match problems.is_empty() {
            true => Ok(LoadedProject {
                project,
                paths,
                packages,
            }),
            false => Err(LoadError { problems }),
        }
    }
}

fn is_description(class: &ClassDefinition) -> bool {
    ["BaselineOf", "ConfigurationOf"]
        .iter()
        .any(|prefix| class.name.starts_with(prefix))
}

fn first_file(package: &PackageDefinition) -> Option<u32> {
    let classes = package.classes.iter().map(|class| class.origin);
    let traits = package.traits.iter().map(|definition| definition.origin);
    let extensions = package.extensions.iter().map(|method| method.origin);
    let do_its = package.do_its.iter().map(|do_it| do_it.origin);
    let mut origins = classes.chain(traits).chain(extensions).chain(do_its);
    origins.next().map(|origin| origin.file)
}

/// A folder without `./` before it and `/` behind it.
fn normalised(folder: &str) -> String {
    let parts = folder.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.collect::<Vec<_>>().join("/")
}

fn shown(folder: &str) -> String {
    if folder.is_empty() {
        "the project's folder".to_owned()
    } else {
        format!("{folder}/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASS_A: (&str, &str) = (
        "src/A/A.class.st",
        "Class { #name : #A, #superclass : #Object }",
    );
    const CLASS_B: (&str, &str) = ("src/B/B.class.st", "Class { #name : #B, #superclass : #A }");
    const OTHER: (&str, &str) = (
        "old/Z/Z.class.st",
        "Class { #name : #Z, #superclass : #Object }",
    );
    const BASELINE: (&str, &str) = (
        "src/BaselineOfKit/BaselineOfKit.class.st",
        "Class { #name : #BaselineOfKit, #superclass : #BaselineOf }\n\
         BaselineOfKit >> baseline: spec [ <baseline>\n spec for: #common do: [ spec\n\
         package: 'B' with: [ spec requires: #('A') ]; package: 'A'; group: 'core' with: #('A') ] ]",
    );

    fn read(files: &[(&str, &str)]) -> Result<LoadedProject, LoadError> {
        read_project(files.iter().map(|&(path, text)| SourceFile { path, text }))
    }

    #[track_caller]
    fn check(files: &[(&str, &str)], packages: &[&str]) {
        let loaded = read(files).expect("a good project");
        let names: Vec<_> = loaded
            .packages
            .iter()
            .map(|package| package.name.as_str())
            .collect();
        assert_eq!(names, packages);
    }

    fn project(loading: &str) -> String {
        format!("SmalltalkCISpec {{ #loading : [ {loading} ] }}")
    }

    #[test]
    fn a_baseline_chooses_packages_and_their_order() {
        let all = project("SCIMetacelloLoadSpec { #baseline : 'Kit', #directory : './src/' }");
        check(
            &[(".smalltalk.ston", &all), OTHER, CLASS_B, CLASS_A, BASELINE],
            &["A", "B"],
        );
        let core = project("SCIMetacelloLoadSpec { #baseline : 'Kit', #load : [ 'core' ] }");
        let layout = (".project", "{ 'srcDirectory' : 'src' }");
        check(
            &[
                (".smalltalk.ston", &core),
                layout,
                CLASS_B,
                CLASS_A,
                BASELINE,
            ],
            &["A"],
        );
    }

    #[test]
    fn without_a_project_file_everything_is_loaded_but_descriptions() {
        check(&[CLASS_B, CLASS_A, BASELINE, OTHER], &["Z", "A", "B"]);
        check(
            &[(".project", "{ 'srcDirectory' : 'src' }"), CLASS_A, OTHER],
            &["A"],
        );
    }

    #[test]
    fn local_monticello_repositories_are_folders() {
        let some = project("SCIMonticelloLoadSpec { #url : 'tonel://./src', #packages : [ 'A' ] }");
        check(&[(".smalltalk.ston", &some), CLASS_A, CLASS_B], &["A"]);
        let all = project("SCIGoferLoadSpec { #url : 'filetree://src' }");
        check(
            &[(".smalltalk.ston", &all), CLASS_A, CLASS_B, OTHER],
            &["A", "B"],
        );
    }

    #[test]
    fn what_is_named_but_not_there_is_said() {
        let specs = "SCIMetacelloLoadSpec { #baseline : 'Gone', #directory : 'src' }, \
             SCIMetacelloLoadSpec { #configuration : 'Old' }, \
             SCIMonticelloLoadSpec { #url : 'http://x/y', #packages : [ 'P' ] }, \
             SCIMonticelloLoadSpec { #url : 'tonel://src', #packages : [ 'Q' ] }";
        let error =
            read(&[(".smalltalk.ston", &project(specs)), CLASS_A]).expect_err("four faults");
        assert_eq!(
            error.to_string(),
            ".smalltalk.ston:1: there is no BaselineOfGone in src/; check #baseline and #directory\n\
             .smalltalk.ston:1: ConfigurationOfOld names versions elsewhere; load a baseline instead\n\
             .smalltalk.ston:1: P is to come from http://x/y; put a copy beside the project's packages\n\
             .smalltalk.ston:1: there is no package Q in src/; check its name and #directory"
        );
        let error = read(&[("README.md", "hello")]).expect_err("nothing");
        assert_eq!(
            error.to_string(),
            ".smalltalk.ston:1: there is nothing to load; name a folder with Smalltalk packages"
        );
    }

    #[test]
    fn a_project_that_another_needs_may_lie_beside_it() {
        let base = |name: &str, body: &str| {
            format!(
                "Class {{ #name : #BaselineOf{name}, #superclass : #BaselineOf }}\n\
                 BaselineOf{name} >> baseline: spec [ <baseline> {body} ]"
            )
        };
        let top = base(
            "Top",
            "spec baseline: 'Kit' with: [ spec loads: #('core') ]; package: 'B' with: [ spec requires: #('Kit') ]",
        );
        let config = project("SCIMetacelloLoadSpec { #baseline : 'Top', #directory : 'src' }");
        let path = "src/BaselineOfTop/BaselineOfTop.class.st";
        check(
            &[
                (".smalltalk.ston", &config),
                (path, &top),
                BASELINE,
                CLASS_A,
                CLASS_B,
            ],
            &["A", "B"],
        );
        let error =
            read(&[(".smalltalk.ston", &config), (path, &top), CLASS_B]).expect_err("no Kit");
        assert!(
            error
                .to_string()
                .contains("Kit is to come from somewhere else"),
            "{error}"
        );
    }
}
