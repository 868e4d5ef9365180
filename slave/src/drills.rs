//! The drills: what a run does at its beginning and at its end besides the program and its tests, so that a
//! slim image has what it needs when something goes wrong (D15).
//!
//! Each is a list of expressions; `session` says when each is run. What a drill reaches is in each slim
//! image that it is run for, so a line here is paid for in bytes.

/// What every image must be able to do when something goes wrong: run at the end of each run, so
/// that what it needs is there (design D15).
pub const SURVIVAL_DRILL: [&str; 14] = [
    "[ 3 ] value",
    "[ :each | 3 ] value: 4",
    "[ Error new signal: 'drill' ] on: Error do: [ :error | error messageText ]",
    "[ nil drill ] on: MessageNotUnderstood do: [ :error | error messageText ]",
    "[ [ [ [ nil drill ] ensure: [ 3 ] ] ifCurtailed: [ 4 ] ] on: AssertionFailure do: [ :error | nil ] ]
        on: Error do: [ :error | 5 ]",
    "[ 3 drill ] on: MessageNotUnderstood do: [ :error | error messageText ]",
    "[ Tombstone new run: #drill with: #() in: 3 ] on: PrunedBehavior do: [ :error | error messageText ]",
    "Tombstone new ownerOf: #drill in: 3",
    "[ ObjectTombstone new run: #drill with: { Message new } in: #(drill) ] on: PrunedObject do: [ :error |
        error messageText ]",
    "[ ObjectTombstone new run: #drill with: { Message new } in: #(nil) ] on: PrunedObject do: [ :error |
        error messageText ]",
    "[ [ Error new signal: 'drill' ] on: Error do: [ :error | nil drill ] ] on: MessageNotUnderstood do: [
        :error | error messageText ]",
    "[ [ Error new signal: 'drill' ] on: Error do: [ :error |
        Tombstone new run: #drill with: #() in: 3 ] ] on: PrunedBehavior do: [ :error | error messageText ]",
    "[ nil assert: false ] on: AssertionFailure do: [ :error | error messageText ]",
    "TestCase imprintDrill",
];

/// What nobody handles: each ends the process that it happened in, with a report on stderr.
pub const UNHANDLED_DRILL: [&str; 3] = [
    "Error new signal: 'drill'",
    "Tombstone imprintDrill",
    "ObjectTombstone new run: #drill with: { Message new } in: #(drill)",
];

/// What any image that waits may meet at any time: a queue of delays that runs empty, and a limit of
/// time that is kept or passed. Run before anything else waits, so that the empty queue is met.
pub const WAITING_DRILL: [&str; 3] = [
    "(Delay forMilliseconds: 1) wait",
    "[ 3 ] valueWithin: 1 second onTimeout: [ 4 ]",
    "[ (Delay forSeconds: 5) wait ] valueWithin: 2 milliSeconds onTimeout: [ 4 ]",
];

/// What instances of a class must be able to do beyond what tests did with them, since time decides:
/// collections grow when much comes, waiting comes to its end, visitors go further than the back button
/// reaches, and sessions are forgotten. Run where the class has come.
pub const CLASS_DRILLS: [(&str, &str); 8] = [
    (
        "Dictionary",
        "| all | all := Dictionary new. 1 to: 40 do: [ :each | all at: each put: each ]",
    ),
    (
        "IdentityDictionary",
        "| all | all := IdentityDictionary new. 1 to: 40 do: [ :each | all at: each put: each ]",
    ),
    (
        "Set",
        "| all | all := Set new. 1 to: 40 do: [ :each | all add: each ]",
    ),
    (
        "IdentitySet",
        "| all | all := IdentitySet new. 1 to: 40 do: [ :each | all add: each ]",
    ),
    (
        "OrderedCollection",
        "| all | all := OrderedCollection new. 1 to: 40 do: [ :each | all add: each ]",
    ),
    (
        "DelayWaitTimeout",
        "Semaphore new waitTimeoutMilliseconds: 1",
    ),
    (
        "WebSession",
        "| session |
        session := WebSession on: (WebApplication path: '/drill' rootClass: WebComponent).
        session maximumRenderings + 1 timesRepeat: [ session newRendering ]",
    ),
    (
        "WebApplication",
        "| application |
        application := WebApplication path: '/drill' rootClass: WebComponent.
        application sessionAt: 'drill'.
        application expirySeconds: -1; startSession; startSession.
        application expirySeconds: 1800; maximumSessions: 1; startSession; startSession.
        [ (application handleWebRequest: (WebRequest get: '/drill?_k=drill'))
            writeOn: (WriteStream on: String new) ] on: Error do: [ :error | error messageText ]",
    ),
];

/// What a server must be able to do when a request reaches a pruned method or a pruned object: answer a page
/// that says so. Run where the application has a server.
pub const SERVER_DRILL: [&str; 2] = [
    "[ ((WebServer handler: [ :request |
        Tombstone new run: #isHead with: #() in: request ]) responseTo: (WebRequest get: '/drill'))
        writeOn: (WriteStream on: String new) ] on: Error do: [ :error | error messageText ]",
    "[ ((WebServer handler: [ :request |
        ObjectTombstone new run: #drill with: { Message new } in: #(drill) ])
        responseTo: (WebRequest get: '/drill')) writeOn: (WriteStream on: String new) ]
        on: Error do: [ :error | error messageText ]",
];
/// What a server meets that no test of an application sends: a port on which somebody listens already, a
/// request that breaks off, one that makes no sense, a head and a body that are too long, more visitors than
/// there is room for, one who says nothing, and a system that is short of connections. Run where the
/// application has listened.
pub const VISITORS_DRILL: [&str; 1] = ["| server visit |
    server := WebServer handler: [ :request | request ].
    visit := [ :text :isAwaited | | stream |
        stream := SocketStream openConnectionToHost: NetNameResolver loopBackAddress port: server port timeout: 5.
        stream nextPutAll: text; flush.
        isAwaited ifTrue: [ stream upToEnd ].
        stream close ].
    server timeout: 5; startOn: 0.
    [ (WebServer handler: [ :request | request ]) startOn: server port ] fork.
    Processor yield.
    visit value: 'GET /drill HT' value: false.
    visit value: 'NONSENSE' , String crlf , String crlf value: true.
    visit value: 'GET /drill HTTP/1.1' , String crlf , 'X: ' , (String new: 20000 withAll: $x) value: true.
    visit value: 'POST /drill HTTP/1.1' , String crlf , 'Content-Length: 9999999' , String crlf , String crlf
        value: true.
    server maximumConnections: 0.
    visit value: '' value: true.
    server maximumConnections: 9; timeout: 0.01.
    visit value: '' value: true.
    [ NetworkError signal: 'drill' ] on: NetworkError do: [ :error | error return: server backOff ].
    [ server connectionCount = 0 ] whileFalse: [ (Delay forMilliseconds: 1) wait ].
    server stop"];
/// The class that says that the application has listened.
pub const LISTENER_CLASS: &str = "WebConnection";
/// The class that says that the application has a server.
pub const SERVER_CLASS: &str = "WebServer";
/// What looking for a global that is not there meets: the slim image has fewer globals, so another one
/// may lie where the search begins. Run where the program looked at the globals.
pub const GLOBALS_DRILL: [&str; 1] = ["Smalltalk includesKey: #Smalltalk"];
/// Where a server listens: run with the variable set and without, since the place where the image
/// runs decides. Run where the application looks at its environment.
pub const PORT_DRILL: [&str; 1] = ["WebServer portFromEnvironmentOr: 8080"];
/// The class that says that the application looks at its environment.
pub const ENVIRONMENT_CLASS: &str = "OSEnvironment";
