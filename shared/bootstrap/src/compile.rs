//! Compiles the methods of packages, and single expressions, against a register of names.

use imprint_compiler::{Compilation, compile_doit, compile_method, source_map};
use imprint_isa::{BehaviorName, CompileRequest, MethodDraft};
use imprint_loader::MethodDefinition;
use imprint_syntax::{Diagnostic, SourceText, Span};
use imprint_vm::install::Names;

use crate::error::BuildError;
use crate::scope::Scope;
use crate::sources::PackageSet;

/// A method to compile: whose package, and what.
pub struct Job<'a> {
    /// The package whose file it stands in.
    pub package: &'a str,
    /// The behaviour that gets it.
    pub behavior: BehaviorName,
    /// The method.
    pub method: &'a MethodDefinition,
}

/// Threads that compile: more than the cores of a small machine help little.
const THREADS_MAX: usize = 4;

/// All methods of the packages, classes' own and extensions, in order.
pub fn jobs(set: &PackageSet) -> Vec<Job<'_>> {
    let job = |package, method| Job {
        package,
        behavior: behavior_of(method),
        method,
    };
    set.packages
        .iter()
        .flat_map(|package| {
            let own = package.classes.iter().flat_map(|class| &class.methods);
            own.chain(&package.extensions)
                .map(move |method| job(package.name.as_str(), method))
        })
        .collect()
}

/// The behaviour that a method is for.
pub(crate) fn behavior_of(method: &MethodDefinition) -> BehaviorName {
    BehaviorName {
        class: method.class_name.as_str().into(),
        meta: method.is_meta,
    }
}

/// Compiles all jobs, in parallel; the drafts are in the order of the jobs.
///
/// # Errors
/// Every finding of every method that does not compile.
pub fn compile_all(
    jobs: &[Job<'_>],
    set: &PackageSet,
    names: &Names,
) -> Result<Vec<MethodDraft>, BuildError> {
    let threads =
        std::thread::available_parallelism().map_or(1, |count| count.get().min(THREADS_MAX));
    let share = jobs.len().div_ceil(threads).max(1);
    let parts: Vec<Vec<Compilation>> = std::thread::scope(|scope| {
        let spawn = |part| scope.spawn(move || compile_part(part, names));
        let running: Vec<_> = jobs.chunks(share).map(spawn).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| thread.join();
        running
            .into_iter()
            .map(join)
            .map(|part| part.expect("compiling does not panic"))
            .collect()
    });
    let mut drafts = Vec::with_capacity(jobs.len());
    let mut findings = Findings::default();
    for (job, compilation) in jobs.iter().zip(parts.into_iter().flatten()) {
        match compilation.into_draft() {
            Ok(draft) => drafts.push(draft),
            Err(diagnostics) => findings.add(job, &diagnostics, set),
        }
    }
    findings.into_result(drafts)
}

fn compile_part(jobs: &[Job<'_>], names: &Names) -> Vec<Compilation> {
    let mut scope: Option<(&BehaviorName, Scope<'_>)> = None;
    let mut compiled = Vec::with_capacity(jobs.len());
    for job in jobs {
        let scope = match &mut scope {
            Some((behavior, scope)) if **behavior == job.behavior => scope,
            other => {
                &mut other
                    .insert((&job.behavior, Scope::new(names, job.behavior.clone())))
                    .1
            }
        };
        compiled.push(compile_method(
            &job.method.source,
            &scope.site(&job.method.protocol),
            scope,
        ));
    }
    compiled
}

/// What is wrong with the sources, as it is shown.
#[derive(Default)]
struct Findings {
    errors: usize,
    rendered: String,
}

impl Findings {
    fn add(&mut self, job: &Job<'_>, diagnostics: &[Diagnostic], set: &PackageSet) {
        let errors: Vec<&Diagnostic> = diagnostics
            .iter()
            .filter(|finding| finding.is_error())
            .collect();
        self.errors += errors.len();
        let origin = job.method.origin;
        let file = set
            .file(job.package, origin.file)
            .filter(|(_, text)| !text.is_empty());
        for finding in errors {
            let shown = match file {
                Some((path, text)) => {
                    let span = Span::new(
                        origin.file_offset(finding.span.start),
                        origin.file_offset(finding.span.end),
                    );
                    SourceText::new(path, text)
                        .render(&Diagnostic::error(span, finding.message.clone()))
                }
                None => {
                    SourceText::new(&job.method.full_name(), &job.method.source).render(finding)
                }
            };
            self.rendered.push_str(&shown);
            self.rendered.push('\n');
        }
    }

    fn into_result<T>(self, value: T) -> Result<T, BuildError> {
        if self.errors == 0 {
            return Ok(value);
        }
        Err(BuildError::Compile {
            errors: self.errors,
            rendered: self.rendered,
        })
    }
}

/// Compiles one method for a behaviour.
///
/// # Errors
/// The findings, as they are shown.
pub fn compile_for(
    names: &Names,
    behavior: &BehaviorName,
    protocol: &str,
    source: &str,
) -> Result<MethodDraft, String> {
    let scope = Scope::new(names, behavior.clone());
    draft_or_text(
        compile_method(source, &scope.site(protocol), &scope),
        source,
    )
}

/// Compiles what a machine asks for that has classes of its own.
///
/// # Errors
/// The findings, as they are shown.
pub fn compile_elsewhere(names: &Names, request: &CompileRequest) -> Result<MethodDraft, String> {
    let scope = Scope::elsewhere(names, request.behavior.clone(), &request.surroundings);
    let site = scope.site(&request.protocol);
    let compile = if request.is_expression {
        compile_doit
    } else {
        compile_method
    };
    draft_or_text(compile(&request.source, &site, &scope), &request.source)
}

/// The line of a method's source that an instruction stands in, counted from 1, and its text; `path` and
/// `offset` are those of a source map. `None` where the source does not compile or has no such code.
pub fn source_line(
    names: &Names,
    behavior: &BehaviorName,
    source: &str,
    path: &[u16],
    offset: u32,
) -> Option<(u32, String)> {
    let scope = Scope::new(names, behavior.clone());
    let map = source_map(source, &scope.site(""), &scope)?;
    let start = map.span_at(path, offset)?.start;
    let (line, _) = SourceText::new("", source).line_and_column(start);
    // Texts come with any kind of line end; a lone carriage return counts as one too.
    let text = source.split(['\n', '\r']).nth(line.checked_sub(1)?)?;
    Some((u32::try_from(line).ok()?, text.to_string()))
}

/// Compiles an expression sequence as a method `DoIt` of UndefinedObject.
///
/// # Errors
/// The findings, as they are shown.
pub fn compile_expression(names: &Names, source: &str) -> Result<MethodDraft, String> {
    let scope = Scope::new(names, BehaviorName::class("UndefinedObject"));
    draft_or_text(compile_doit(source, &scope.site(""), &scope), source)
}

fn draft_or_text(compilation: Compilation, source: &str) -> Result<MethodDraft, String> {
    let text = SourceText::new("expression", source);
    compilation.into_draft().map_err(|findings| {
        let errors: Vec<Diagnostic> = findings.into_iter().filter(Diagnostic::is_error).collect();
        text.render_all(&errors)
    })
}
