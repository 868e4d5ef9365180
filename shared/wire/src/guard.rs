//! Who may call what: stands before all services of a daemon.
//!
//! ```text
//!   call ── certificate, token ──> Caller ── role of the method ──> the service
//!                                        └── UNAUTHENTICATED, PERMISSION_DENIED: a sentence
//! ```

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Extensions, Request, Response};
use tonic::transport::server::TlsConnectInfo;
use tower::{Layer, Service};

use crate::credentials::{AUTHORIZATION, Admission};
use crate::incoming::Entry;
use crate::role::{METHODS, Role, Wanted, certified};
use crate::tokens::BEARER;

/// Puts a guard before services.
#[derive(Clone)]
pub(crate) struct Gate(pub Arc<Admission>);

impl<S> Layer<S> for Gate {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        let admission = self.0.clone();
        Guard { inner, admission }
    }
}

/// Services behind a gate.
#[derive(Clone)]
pub(crate) struct Guard<S> {
    inner: S,
    admission: Arc<Admission>,
}

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match admit(&self.admission, &request) {
            Ok(()) => {
                if let Some(entry) = entry(request.extensions()) {
                    entry.note_call();
                }
                Box::pin(self.inner.call(request))
            }
            Err(status) => Box::pin(std::future::ready(Ok(status.into_http()))),
        }
    }
}

/// Who calls, as far as it showed.
#[derive(Default)]
struct Caller {
    /// What it showed; nothing where it showed nothing.
    shown: Option<String>,
    roles: Vec<Role>,
}

fn admit(admission: &Admission, request: &Request<Body>) -> Result<(), Status> {
    if admission.is_open() {
        return Ok(());
    }
    let caller = caller(admission, request)?;
    let Some(shown) = &caller.shown else {
        return Err(Status::unauthenticated(wants(admission)));
    };
    let wanted = METHODS
        .iter()
        .find(|(path, _)| *path == request.uri().path());
    let role = match wanted {
        Some((_, Wanted::Anybody)) => return Ok(()),
        Some((_, Wanted::Role(role))) => *role,
        None => return Err(Status::unimplemented("this daemon has no such method")),
    };
    match caller.roles.contains(&role) {
        true => Ok(()),
        false => Err(Status::permission_denied(lacking(
            role,
            shown,
            &caller.roles,
        ))),
    }
}

fn caller(admission: &Admission, request: &Request<Body>) -> Result<Caller, Status> {
    let mut caller = Caller::default();
    let info = request.extensions().get::<TlsConnectInfo<Entry>>();
    let certificates = info.and_then(TlsConnectInfo::peer_certs);
    if let Some(leaf) = certificates.as_deref().and_then(|chain| chain.first()) {
        caller.shown = Some("its certificate".to_string());
        caller.roles = certified(leaf);
    }
    let header = request.headers().get(AUTHORIZATION);
    let token = header.and_then(|header| header.to_str().ok()?.strip_prefix(BEARER));
    if let (Some(token), Some(tokens)) = (token, &admission.tokens) {
        let bearer = tokens.bearer(token).ok_or_else(|| {
            Status::unauthenticated(
                "this daemon does not know the token: make one with master keys FOLDER --token NAME, \
                 and have the daemon started again",
            )
        })?;
        caller.shown = Some(format!("the token of {}", bearer.name));
        caller.roles.extend(&bearer.roles);
    }
    Ok(caller)
}

fn wants(admission: &Admission) -> String {
    let ways = match (&admission.authority, &admission.tokens) {
        (Some(_), Some(_)) => "--tls-identity FILE or --token-file FILE",
        (Some(_), None) => "--tls-identity FILE",
        (None, _) => "--token-file FILE",
    };
    format!("this daemon wants to know who asks: show it with {ways}")
}

fn lacking(role: Role, shown: &str, roles: &[Role]) -> String {
    let held: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    let held = match held.as_slice() {
        [] => "has no role".to_string(),
        roles => format!("has only {}", roles.join(", ")),
    };
    format!(
        "this wants the role {role}, and {shown} {held}: make another with \
         master keys FOLDER --name NAME --may {role}"
    )
}

/// How the connection of a call came in.
fn entry(extensions: &Extensions) -> Option<&Entry> {
    let secure = extensions.get::<TlsConnectInfo<Entry>>();
    secure
        .map(TlsConnectInfo::get_ref)
        .or_else(|| extensions.get::<Entry>())
}
