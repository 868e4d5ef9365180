//! `.smalltalk.ston`: what a project loads, what it tests, what it keeps. The file of smalltalkCI, with
//! four keys of our own.
//!
//! ```text
//! SmalltalkCISpec {
//!     #name : 'Counter',
//!     #loading : [ SCIMetacelloLoadSpec { #baseline : 'Counter', #directory : 'src', #load : [ 'default' ] } ],
//!     #testing : { #include : { #packages : [ 'Counter-Tests' ] }, #defaultTimeout : 10 },
//!     #startUp : 'SessionManager default startUp',   ours: production's start-up, before the entry
//!     #entry : 'CounterServer startOn: 8080',        ours: the program itself
//!     #keep : [ 'Foo*', 'Bar>>baz:' ],               ours: what ships although no test reaches it
//!     #keepPackages : [ 'Counter-Reports' ]          ours: whole packages that ship
//! }
//! ```
//! Keys that mean nothing here are kept in [`Project::unknown_keys`], so that a caller can mention them.

use crate::layout::with_fields;
use crate::problem::{Defect, LoadError};
use crate::ston::{Fields, Value};

/// A project as its `.smalltalk.ston` describes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Project {
    /// Its name; empty if the file gives none.
    pub name: String,
    /// What to load, in order.
    pub loading: Vec<LoadSpec>,
    /// What to test.
    pub testing: TestingSpec,
    /// Scripts before loading.
    pub pre_loading: Vec<CustomScript>,
    /// Scripts after loading.
    pub post_loading: Vec<CustomScript>,
    /// Scripts before testing.
    pub pre_testing: Vec<CustomScript>,
    /// Scripts after testing.
    pub post_testing: Vec<CustomScript>,
    /// Expression that production evaluates first, before the entry.
    pub start_up: Option<String>,
    /// Expression that is the program.
    pub entry: Option<String>,
    /// Patterns of classes and methods that ship although no test reaches them.
    pub keep: Vec<String>,
    /// Packages that ship whole.
    pub keep_packages: Vec<String>,
    /// Keys that were not understood.
    pub unknown_keys: Vec<String>,
}

/// One entry of `#loading`.
#[derive(Clone, Debug, PartialEq)]
pub enum LoadSpec {
    /// A baseline or configuration.
    Metacello(MetacelloLoad),
    /// Packages or versions from a repository.
    Monticello(MonticelloLoad),
    /// The same, through Gofer.
    Gofer(MonticelloLoad),
}

impl LoadSpec {
    /// Whether the entry is meant for one of the platforms named; an entry that names none is for all.
    pub fn is_for(&self, platforms: &[&str]) -> bool {
        let wanted = match self {
            Self::Metacello(load) => &load.platforms,
            Self::Monticello(load) | Self::Gofer(load) => &load.platforms,
        };
        wanted.is_empty() || wanted.iter().any(|name| platforms.contains(&name.as_str()))
    }
}

/// `SCIMetacelloLoadSpec`. The switches of Metacello that say how to treat an image that already holds
/// something (`#onConflict`, `#onUpgrade`, ...) are accepted and have no meaning here: every build starts
/// from nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetacelloLoad {
    /// Name of the baseline, without `BaselineOf`.
    pub baseline: Option<String>,
    /// Name of the configuration, without `ConfigurationOf`.
    pub configuration: Option<String>,
    /// Folder of the sources, relative to the file.
    pub directory: Option<String>,
    /// Groups or packages to load; none means the default group.
    pub load: Vec<String>,
    /// Platforms it is for; none means all.
    pub platforms: Vec<String>,
    /// A repository elsewhere.
    pub repository: Option<String>,
    /// Version of a configuration.
    pub version: Option<String>,
}

/// `SCIMonticelloLoadSpec` and `SCIGoferLoadSpec`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MonticelloLoad {
    /// The repository.
    pub url: Option<String>,
    /// Packages, in their newest versions.
    pub packages: Vec<String>,
    /// Exact versions.
    pub versions: Vec<String>,
    /// Platforms it is for; none means all.
    pub platforms: Vec<String>,
}

/// `SCICustomScript`, or the path alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomScript {
    /// The script's path, relative to the file.
    pub path: String,
    /// Platforms it is for; none means all.
    pub platforms: Vec<String>,
}

/// `#testing`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestingSpec {
    /// What is tested; the plain `#classes`, `#categories` and `#packages` count as included.
    pub include: Selection,
    /// What is not, although it is included.
    pub exclude: Selection,
    /// Whether every test case in the image is run.
    pub all_test_cases: bool,
    /// Seconds a test may take.
    pub default_timeout_seconds: Option<f64>,
    /// Whether finding no test is a failure.
    pub fail_on_zero_tests: bool,
    /// Whether passing tests go unmentioned.
    pub hide_passing_tests: bool,
    /// What coverage is measured of.
    pub coverage: Option<Coverage>,
}

/// `#coverage`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coverage {
    /// What is measured.
    pub selection: Selection,
    /// `lcov` or `coveralls`.
    pub format: String,
}

/// Classes by name, category, package or project. A trailing `*` or `.*` matches any ending.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Class names.
    pub classes: Vec<String>,
    /// Class categories.
    pub categories: Vec<String>,
    /// Package names.
    pub packages: Vec<String>,
    /// Metacello project names.
    pub projects: Vec<String>,
}

impl Selection {
    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        [
            &self.classes,
            &self.categories,
            &self.packages,
            &self.projects,
        ]
        .iter()
        .all(|names| names.is_empty())
    }

    /// Whether a class is selected by its own name, its category or its package.
    pub fn holds(&self, class: &str, category: &str, package: &str) -> bool {
        let any =
            |patterns: &[String], name: &str| patterns.iter().any(|pattern| matches(pattern, name));
        any(&self.classes, class) || any(&self.categories, category) || any(&self.packages, package)
    }
}

/// Whether a name is meant by a pattern: the name itself, or its beginning with `*` or `.*` behind.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern
        .strip_suffix(".*")
        .or_else(|| pattern.strip_suffix('*'))
    {
        Some(beginning) => name.starts_with(beginning),
        None => pattern == name,
    }
}

impl Project {
    /// Reads the text of a `.smalltalk.ston`; `path` is for messages.
    ///
    /// # Errors
    /// Every fault of the file. Unknown keys are none.
    pub fn read(path: &str, text: &str) -> Result<Self, LoadError> {
        with_fields(path, text, |fields| {
            if fields.class() != Some("SmalltalkCISpec") {
                fields.defects.push(Defect::WrongFile {
                    expected: "SmalltalkCISpec { ... }",
                });
            }
            Self::from_fields(fields)
        })
    }

    fn from_fields(fields: &mut Fields<'_>) -> Self {
        let project = Self {
            name: fields.text("name"),
            loading: each(fields, "loading", load_spec),
            testing: nested(fields, "testing", TestingSpec::from_fields),
            pre_loading: each(fields, "preLoading", custom_script),
            post_loading: each(fields, "postLoading", custom_script),
            pre_testing: each(fields, "preTesting", custom_script),
            post_testing: each(fields, "postTesting", custom_script),
            start_up: fields.optional_text("startUp"),
            entry: fields.optional_text("entry"),
            keep: fields.texts("keep"),
            keep_packages: fields.texts("keepPackages"),
            unknown_keys: Vec::new(),
        };
        Self {
            unknown_keys: fields.unknown_keys(),
            ..project
        }
    }
}

fn load_spec(value: &Value, fields: &mut Fields<'_>) -> Option<LoadSpec> {
    match value.class() {
        Some("SCIMetacelloLoadSpec") => Some(LoadSpec::Metacello(MetacelloLoad {
            baseline: fields.optional_text("baseline"),
            configuration: fields.optional_text("configuration"),
            directory: fields.optional_text("directory"),
            load: fields.texts("load"),
            platforms: fields.texts("platforms"),
            repository: fields.optional_text("repository"),
            version: fields.optional_text("version"),
        })),
        Some("SCIMonticelloLoadSpec") => Some(LoadSpec::Monticello(monticello_load(fields))),
        Some("SCIGoferLoadSpec") => Some(LoadSpec::Gofer(monticello_load(fields))),
        _ => {
            fields.wrong(
                "loading",
                "a list of SCIMetacelloLoadSpec, SCIMonticelloLoadSpec or SCIGoferLoadSpec",
            );
            None
        }
    }
}

fn monticello_load(fields: &mut Fields<'_>) -> MonticelloLoad {
    MonticelloLoad {
        url: fields.optional_text("url"),
        packages: fields.texts("packages"),
        versions: fields.texts("versions"),
        platforms: fields.texts("platforms"),
    }
}

fn custom_script(value: &Value, fields: &mut Fields<'_>) -> Option<CustomScript> {
    if let Some(path) = value.text() {
        return Some(CustomScript {
            path: path.to_owned(),
            platforms: Vec::new(),
        });
    }
    let path = fields.text("path");
    if path.is_empty() {
        fields.wrong("path", "the path of a script");
        return None;
    }
    Some(CustomScript {
        path,
        platforms: fields.texts("platforms"),
    })
}

impl TestingSpec {
    fn from_fields(fields: &mut Fields<'_>) -> Self {
        let plain = Selection::from_fields(fields);
        let mut include = nested(fields, "include", Selection::from_fields);
        include.classes.extend(plain.classes);
        include.categories.extend(plain.categories);
        include.packages.extend(plain.packages);
        include.projects.extend(plain.projects);
        let has_coverage = fields.at("coverage").is_some();
        Self {
            include,
            exclude: nested(fields, "exclude", Selection::from_fields),
            all_test_cases: fields.boolean("allTestCases"),
            default_timeout_seconds: fields.seconds("defaultTimeout"),
            fail_on_zero_tests: fields.boolean("failOnZeroTests"),
            hide_passing_tests: fields.boolean("hidePassingTests"),
            coverage: has_coverage.then(|| nested(fields, "coverage", Coverage::from_fields)),
        }
    }
}

impl Coverage {
    fn from_fields(fields: &mut Fields<'_>) -> Self {
        Self {
            selection: Selection::from_fields(fields),
            format: fields
                .optional_text("format")
                .unwrap_or_else(|| "coveralls".to_owned()),
        }
    }
}

impl Selection {
    fn from_fields(fields: &mut Fields<'_>) -> Self {
        Self {
            classes: fields.texts("classes"),
            categories: fields.texts("categories"),
            packages: fields.texts("packages"),
            projects: fields.texts("projects"),
        }
    }
}

/// Reads the map under a key.
fn nested<T>(fields: &mut Fields<'_>, key: &'static str, read: fn(&mut Fields<'_>) -> T) -> T {
    let value = fields.at(key).unwrap_or(&Value::Nil);
    if *value != Value::Nil && value.pairs().is_none() {
        fields.wrong(key, "a map { ... }");
    }
    let mut inner = Fields::of(value);
    let result = read(&mut inner);
    fields.defects.append(&mut inner.defects);
    result
}

/// Reads each element of the list under a key.
fn each<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    read: fn(&Value, &mut Fields<'_>) -> Option<T>,
) -> Vec<T> {
    let mut results = Vec::new();
    for value in fields.values(key) {
        let mut inner = Fields::of(value);
        results.extend(read(value, &mut inner));
        fields.defects.append(&mut inner.defects);
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Project {
        Project::read(".smalltalk.ston", text).expect("a valid project")
    }

    #[test]
    fn a_project_of_seaside_s_kind_is_read() {
        let project = read(
            "SmalltalkCISpec {
                #loading : [ SCIMetacelloLoadSpec {
                    #baseline : 'Seaside3', #directory : 'repository', #load : [ 'CI' ],
                    #platforms : [ #squeak, #pharo ], #onConflict : #useIncoming } ],
                #testing : {
                    #coverage : { #packages : [ 'Seaside-*' ], #format : #lcov },
                    #exclude : { #classes : [ #WASlowTest ] }, #packages : [ 'Seaside-Tests-.*' ],
                    #defaultTimeout : 60, #failOnZeroTests : true } }",
        );
        let [LoadSpec::Metacello(load)] = project.loading.as_slice() else {
            panic!("one baseline")
        };
        assert_eq!(load.baseline.as_deref(), Some("Seaside3"));
        assert_eq!(load.load, ["CI"]);
        assert!(project.loading[0].is_for(&["pharo"]));
        assert!(!project.loading[0].is_for(&["gemstone"]));
        assert!(
            project
                .testing
                .include
                .holds("WATest", "x", "Seaside-Tests-Core")
        );
        assert!(project.testing.exclude.holds("WASlowTest", "x", "y"));
        assert_eq!(project.testing.default_timeout_seconds, Some(60.0));
        assert!(project.testing.fail_on_zero_tests);
        assert_eq!(project.testing.coverage.expect("coverage").format, "lcov");
    }

    #[test]
    fn our_own_keys_are_read_and_foreign_ones_are_kept() {
        let project = read(
            "SmalltalkCISpec { #name : 'C', #entry : 'Server start', #startUp : 'Log open',
                #keep : [ 'Foo*', #'Bar>>baz:' ], #keepPackages : [ 'Reports' ], #color : #blue,
                #preTesting : 'before.st', #postLoading : [ SCICustomScript { #path : 'after.st' } ] }",
        );
        assert_eq!(project.entry.as_deref(), Some("Server start"));
        assert_eq!(project.start_up.as_deref(), Some("Log open"));
        assert_eq!(project.keep, ["Foo*", "Bar>>baz:"]);
        assert_eq!(project.keep_packages, ["Reports"]);
        assert_eq!(project.unknown_keys, ["color"]);
        assert_eq!(project.pre_testing[0].path, "before.st");
        assert_eq!(project.post_loading[0].path, "after.st");
    }

    #[test]
    fn all_faults_of_a_project_are_reported_at_once() {
        let text = "SmalltalkCISpec { #name : 3, #loading : [ Foo { } ], #testing : { #defaultTimeout : 0 } }";
        let error = Project::read("p.ston", text).expect_err("three faults");
        assert_eq!(
            error.to_string(),
            "p.ston:1: #name must be a string or symbol\n\
             p.ston:1: #loading must be a list of SCIMetacelloLoadSpec, SCIMonticelloLoadSpec or \
             SCIGoferLoadSpec\n\
             p.ston:1: #defaultTimeout must be a positive number of seconds"
        );
    }

    #[test]
    fn a_fault_of_notation_names_its_line() {
        let error =
            Project::read("p.ston", "SmalltalkCISpec {\n\t#name 'x' }").expect_err("no colon");
        assert_eq!(
            error.to_string(),
            "p.ston:2: expected a colon after the key"
        );
        let error = Project::read("p.ston", "{ }").expect_err("no project");
        assert_eq!(
            error.to_string(),
            "p.ston:1: the file holds something else than SmalltalkCISpec { ... }"
        );
    }
}
