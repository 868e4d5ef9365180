//! Metacello baselines: which packages a project has, what they require, how they are grouped.
//!
//! A baseline is a method, `baseline: spec`, made to be run. It is read here without running it: statements
//! and cascades of `package:`, `group:`, `baseline:`, `project:` and `for:do:` messages to the spec, blocks
//! behind `with:`, and calls of the same class's methods that pass the spec on. Anything else is a fault
//! that names the expression, so that nothing is left out silently.

use std::collections::BTreeSet;

use imprint_syntax::{BlockId, ExprId, Sequence, Tree, parse_method};

use crate::definition::{ClassDefinition, MethodDefinition};
use crate::expression::{Sent, messages, source, text, texts, variable};
use crate::problem::{Defect, LoadError, Problem, excerpt};

/// How deep blocks and calls may nest in a baseline.
const DEPTH_MAX: u32 = 32;

/// Messages to the spec that say nothing about what is loaded.
const REMARKS: [&str; 7] = [
    "blessing:",
    "author:",
    "timestamp:",
    "description:",
    "preLoadDoIt:",
    "postLoadDoIt:",
    "repository:",
];

/// What a baseline method says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    /// The project's name: the class's without `BaselineOf`.
    pub name: String,
    /// The packages, in the order of the method.
    pub packages: Vec<BaselinePackage>,
    /// Named groups of packages, groups and projects.
    pub groups: Vec<Group>,
    /// Other projects it needs.
    pub projects: Vec<ProjectReference>,
}

/// A package in a baseline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BaselinePackage {
    /// Its name.
    pub name: String,
    /// Packages and projects that must be loaded before it.
    pub requires: Vec<String>,
    /// Packages that must be loaded with it.
    pub includes: Vec<String>,
}

/// A group in a baseline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Packages, groups and projects in it.
    pub members: Vec<String>,
}

/// Another project, by its baseline or configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectReference {
    /// The name it has in this baseline.
    pub name: String,
    /// Where it comes from, e.g. `github://owner/name:v1/src`.
    pub repository: Option<String>,
    /// Groups or packages of it to load; none means its default.
    pub loads: Vec<String>,
}

/// What loading some groups comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadOrder {
    /// Packages, each after what it requires.
    pub packages: Vec<String>,
    /// Projects that are needed besides.
    pub projects: Vec<ProjectReference>,
}

impl Baseline {
    /// Reads the baseline of a class `BaselineOf...`. Parts under `for:do:` count if they are for one of
    /// the platforms named or for `#common`; `path` is the file of the class, for messages.
    ///
    /// # Errors
    /// Every expression that cannot be read without running it, and a class without baseline method.
    pub fn read(
        class: &ClassDefinition,
        path: &str,
        platforms: &[&str],
    ) -> Result<Self, LoadError> {
        let name = class
            .name
            .strip_prefix("BaselineOf")
            .unwrap_or(&class.name)
            .to_owned();
        let baseline = Self {
            name,
            ..Self::default()
        };
        let mut reader = BaselineReader {
            class,
            path,
            platforms,
            baseline,
            problems: Vec::new(),
            depth: 0,
        };
        match class.methods.iter().find(|method| is_baseline(method)) {
            Some(method) => reader.method(method),
            None => reader.note(
                class.origin.line,
                &format!("{} without <baseline>", class.name),
            ),
        }
        match reader.problems.is_empty() {
            true => Ok(reader.baseline),
            false => Err(LoadError {
                problems: reader.problems,
            }),
        }
    }

    /// What must be loaded for the packages and groups named; for none, the group `default`, or every
    /// package where there is no such group.
    ///
    /// # Errors
    /// A name that the baseline does not define.
    pub fn load_order(&self, wanted: &[String]) -> Result<LoadOrder, Defect> {
        let has_default = self.groups.iter().any(|group| is_named(group, "default"));
        let all = self.packages.iter().map(|package| package.name.as_str());
        let names: Vec<&str> = match wanted {
            [] if has_default => vec!["default"],
            [] => all.collect(),
            _ => wanted.iter().map(String::as_str).collect(),
        };
        let mut order = Ordering {
            baseline: self,
            order: LoadOrder::default(),
            begun: BTreeSet::new(),
        };
        for name in names {
            order.add(name)?;
        }
        Ok(order.order)
    }
}

fn is_baseline(method: &MethodDefinition) -> bool {
    !method.is_meta && method.source.contains("<baseline>")
}

/// Depth first, each name once; a circle of requirements is broken where it closes, as Metacello does.
struct Ordering<'baseline> {
    baseline: &'baseline Baseline,
    order: LoadOrder,
    begun: BTreeSet<String>,
}

impl Ordering<'_> {
    fn add(&mut self, name: &str) -> Result<(), Defect> {
        if !self.begun.insert(name.to_owned()) {
            return Ok(());
        }
        let baseline = self.baseline;
        if let Some(package) = baseline
            .packages
            .iter()
            .find(|package| package.name == name)
        {
            self.add_all(&package.requires)?;
            self.order.packages.push(name.to_owned());
            return self.add_all(&package.includes);
        }
        if let Some(group) = baseline.groups.iter().find(|group| is_named(group, name)) {
            return self.add_all(&group.members);
        }
        match baseline
            .projects
            .iter()
            .find(|project| project.name == name)
        {
            Some(project) => self.order.projects.push(project.clone()),
            None => return Err(self.unknown(name)),
        }
        Ok(())
    }

    fn add_all(&mut self, names: &[String]) -> Result<(), Defect> {
        names.iter().try_for_each(|name| self.add(name))
    }

    fn unknown(&self, name: &str) -> Defect {
        let groups = self.baseline.groups.iter().map(|group| group.name.as_str());
        let packages = self
            .baseline
            .packages
            .iter()
            .map(|package| package.name.as_str());
        let known: Vec<&str> = groups.chain(packages).collect();
        Defect::UnknownGroup {
            name: name.to_owned(),
            known: known.join(", "),
        }
    }
}

/// Metacello takes `default` and `Default` for the same group, and no others.
fn is_named(group: &Group, name: &str) -> bool {
    group.name == name || (name == "default" && group.name == "Default")
}

struct BaselineReader<'class> {
    class: &'class ClassDefinition,
    path: &'class str,
    platforms: &'class [&'class str],
    baseline: Baseline,
    problems: Vec<Problem>,
    depth: u32,
}

/// A message to the spec of a method that is being read.
struct Place<'tree, 'text> {
    tree: &'tree Tree<'text>,
    line: u32,
}

impl BaselineReader<'_> {
    fn method(&mut self, method: &MethodDefinition) {
        let (tree, diagnostics) = parse_method(&method.source);
        if let Some(error) = diagnostics.iter().find(|diagnostic| diagnostic.is_error()) {
            self.note(method.origin.line, &error.message);
            return;
        }
        let place = Place {
            tree: &tree,
            line: method.origin.line,
        };
        self.sequence(&place, &tree.body);
    }

    fn sequence(&mut self, place: &Place<'_, '_>, body: &Sequence<'_>) {
        if self.depth == DEPTH_MAX {
            self.note(place.line, "blocks or calls nested too deeply");
            return;
        }
        self.depth += 1;
        for statement in &body.statements {
            for sent in messages(place.tree, statement.value) {
                self.message(place, sent);
            }
        }
        self.depth -= 1;
    }

    fn message(&mut self, place: &Place<'_, '_>, sent: Sent<'_>) {
        let read = match sent.selector {
            "for:do:" => self.conditional(place, sent),
            "package:" | "package:with:" => self.package(place, sent),
            "group:with:" | "group:overrides:" => self.group(place, sent),
            "baseline:"
            | "baseline:with:"
            | "project:"
            | "project:with:"
            | "configuration:with:" => self.project(place, sent),
            remark if REMARKS.contains(&remark) => Some(()),
            _ => self.call(place, sent),
        };
        if read.is_none() {
            self.unreadable(place, sent);
        }
    }

    fn conditional(&mut self, place: &Place<'_, '_>, sent: Sent<'_>) -> Option<()> {
        let &[attributes, body] = sent.arguments else {
            return None;
        };
        let attributes = texts(place.tree, attributes)?;
        let body = place.tree.as_block(body)?;
        let is_meant = |name: &String| name == "common" || self.platforms.contains(&name.as_str());
        if attributes.iter().any(is_meant) {
            self.block(place, body);
        }
        Some(())
    }

    fn block(&mut self, place: &Place<'_, '_>, block: BlockId) {
        self.sequence(place, &place.tree.block(block).body);
    }

    fn package(&mut self, place: &Place<'_, '_>, sent: Sent<'_>) -> Option<()> {
        let name = text(place.tree, *sent.arguments.first()?)?;
        let mut package = BaselinePackage {
            name,
            ..BaselinePackage::default()
        };
        // A version in a string, `with: 'Kit-ab.1.mcz'`, says nothing that matters here.
        for option in self.options(place, sent)? {
            match (option.selector, option.arguments) {
                ("requires:", &[names]) => package.requires.extend(texts(place.tree, names)?),
                ("includes:", &[names]) => package.includes.extend(texts(place.tree, names)?),
                ("file:" | "supplyingAnswers:", _) => {}
                (remark, _) if REMARKS.contains(&remark) => {}
                _ => return None,
            }
        }
        match self
            .baseline
            .packages
            .iter_mut()
            .find(|known| known.name == package.name)
        {
            Some(known) => {
                known.requires.append(&mut package.requires);
                known.includes.append(&mut package.includes);
            }
            None => self.baseline.packages.push(package),
        }
        Some(())
    }

    fn group(&mut self, place: &Place<'_, '_>, sent: Sent<'_>) -> Option<()> {
        let &[name, members] = sent.arguments else {
            return None;
        };
        let name = text(place.tree, name)?;
        let mut members = texts(place.tree, members)?;
        match self
            .baseline
            .groups
            .iter_mut()
            .find(|known| known.name == name)
        {
            Some(known) if sent.selector == "group:overrides:" => known.members = members,
            Some(known) => known.members.append(&mut members),
            None => self.baseline.groups.push(Group { name, members }),
        }
        Some(())
    }

    fn project(&mut self, place: &Place<'_, '_>, sent: Sent<'_>) -> Option<()> {
        let name = text(place.tree, *sent.arguments.first()?)?;
        let mut project = ProjectReference {
            name,
            ..ProjectReference::default()
        };
        for option in self.options(place, sent)? {
            match (option.selector, option.arguments) {
                ("repository:", &[location]) => {
                    project.repository = Some(text(place.tree, location)?)
                }
                ("loads:", &[names]) => project.loads = texts(place.tree, names)?,
                ("className:" | "versionString:" | "version:" | "operator:" | "import:", _) => {}
                (remark, _) if REMARKS.contains(&remark) => {}
                _ => return None,
            }
        }
        self.baseline.projects.push(project);
        Some(())
    }

    /// The messages in the block behind `with:`; none where there is no block.
    fn options<'tree>(
        &mut self,
        place: &Place<'tree, '_>,
        sent: Sent<'tree>,
    ) -> Option<Vec<Sent<'tree>>> {
        let Some(&with) = sent.arguments.get(1) else {
            return Some(Vec::new());
        };
        let Some(block) = place.tree.as_block(with) else {
            return text(place.tree, with).map(|_| Vec::new());
        };
        let statements = &place.tree.block(block).body.statements;
        Some(
            statements
                .iter()
                .flat_map(|statement| messages(place.tree, statement.value))
                .collect(),
        )
    }

    /// `self packages: spec`: reads that method in place.
    fn call(&mut self, place: &Place<'_, '_>, sent: Sent<'_>) -> Option<()> {
        if variable(place.tree, sent.receiver) != Some("self") {
            return None;
        }
        let class = self.class;
        let called = class
            .methods
            .iter()
            .find(|method| !method.is_meta && method.selector == sent.selector)?;
        if self.depth == DEPTH_MAX {
            return None;
        }
        self.method(called);
        Some(())
    }

    fn unreadable(&mut self, place: &Place<'_, '_>, sent: Sent<'_>) {
        let expression = sent.arguments.last().copied().unwrap_or(sent.receiver);
        let lines = &place.tree.source[..source_start(place.tree, expression)];
        let line = place
            .line
            .saturating_add(u32::try_from(lines.matches('\n').count()).unwrap_or(0));
        let text = format!(
            "{} {}",
            sent.selector,
            excerpt(source(place.tree, expression))
        );
        self.note(line, &text);
    }

    fn note(&mut self, line: u32, text: &str) {
        let defect = Defect::BadBaseline {
            text: text.to_owned(),
        };
        self.problems.push(Problem {
            path: self.path.to_owned(),
            line,
            defect,
        });
    }
}

fn source_start(tree: &Tree<'_>, id: ExprId) -> usize {
    let start = usize::try_from(tree.expr(id).span.start).unwrap_or(0);
    if tree.source.is_char_boundary(start) {
        start
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(methods: &[&str]) -> ClassDefinition {
        let methods = methods.iter().map(|source| MethodDefinition {
            selector: crate::pattern::selector_of(source).expect("a pattern").0,
            source: (*source).to_owned(),
            ..MethodDefinition::default()
        });
        ClassDefinition {
            name: "BaselineOfKit".into(),
            methods: methods.collect(),
            ..ClassDefinition::default()
        }
    }

    fn read(methods: &[&str]) -> Result<Baseline, LoadError> {
        Baseline::read(&class(methods), "B.class.st", &["pharo"])
    }

    const KIT: &str = "baseline: spec
        <baseline>
        spec for: #common do: [
            spec blessing: #baseline.
            spec
                baseline: 'Dep' with: [ spec repository: 'github://a/b:v1/src'; loads: #('core') ];
                package: 'Kit-Core' with: [ spec requires: #('Dep') ];
                package: 'Kit-Tests' with: [ spec requires: 'Kit-Web' ];
                package: 'Kit-Web' with: [ spec requires: #('Kit-Core') ];
                package: 'Kit-Extra';
                group: 'default' with: #('Kit-Web');
                group: 'tests' with: #('default' 'Kit-Tests') ].
        spec for: #(#gemstone) do: [ spec package: 'Kit-Gem' ].
        spec for: #pharo do: [ spec package: 'Kit-Core' with: [ spec includes: #('Kit-Pharo') ]; package: 'Kit-Pharo' ]";

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_baseline_is_read_without_running_it() {
        let kit = read(&[KIT]).expect("readable");
        assert_eq!(kit.name, "Kit");
        let packages: Vec<_> = kit
            .packages
            .iter()
            .map(|package| package.name.as_str())
            .collect();
        assert_eq!(
            packages,
            ["Kit-Core", "Kit-Tests", "Kit-Web", "Kit-Extra", "Kit-Pharo"]
        );
        assert_eq!(
            kit.projects[0].repository.as_deref(),
            Some("github://a/b:v1/src")
        );
        assert_eq!(kit.projects[0].loads, ["core"]);
    }

    #[test]
    fn the_order_puts_each_package_after_what_it_requires() {
        let kit = read(&[KIT]).expect("readable");
        let order = kit.load_order(&names(&["tests"])).expect("known");
        assert_eq!(
            order.packages,
            ["Kit-Core", "Kit-Pharo", "Kit-Web", "Kit-Tests"]
        );
        assert_eq!(order.projects[0].name, "Dep");
        assert_eq!(
            kit.load_order(&[]).expect("default").packages,
            ["Kit-Core", "Kit-Pharo", "Kit-Web"]
        );
        let error = kit.load_order(&names(&["nothing"])).expect_err("unknown");
        assert_eq!(
            error.to_string(),
            "the baseline defines no package or group 'nothing'; it defines default, tests, Kit-Core, \
             Kit-Tests, Kit-Web, Kit-Extra, Kit-Pharo"
        );
    }

    #[test]
    fn without_a_default_group_everything_is_loaded() {
        let kit = read(&[
            "baseline: s <baseline> s package: 'A' with: [ s requires: #(B) ]; package: 'B'",
        ]);
        assert_eq!(
            kit.expect("readable")
                .load_order(&[])
                .expect("all")
                .packages,
            ["B", "A"]
        );
        let grouped =
            read(&["baseline: s <baseline> s package: 'A'; package: 'B'; group: 'x' with: #(A)"]);
        assert_eq!(
            grouped
                .expect("readable")
                .load_order(&[])
                .expect("all")
                .packages,
            ["A", "B"]
        );
    }

    #[test]
    fn calls_of_the_same_class_are_followed_and_circles_end() {
        let kit = read(&[
            "baseline: s <baseline> self packages: s",
            "packages: s s package: 'A'",
        ]);
        assert_eq!(kit.expect("readable").packages.len(), 1);
        assert!(read(&["baseline: s <baseline> self baseline: s"]).is_err());
    }

    #[test]
    fn what_must_be_run_is_named() {
        let error = read(&["baseline: spec\n<baseline>\nspec package: self name.\nspec frob: 3"])
            .expect_err("two");
        assert_eq!(
            error.to_string(),
            "B.class.st:2: 'package: self name' cannot be read without running it; use package:, baseline:, \
             group: and for:do:\nB.class.st:3: 'frob: 3' cannot be read without running it; use package:, \
             baseline:, group: and for:do:"
        );
        assert!(read(&[]).is_err());
    }
}
