//! Expressions and what their values print as. What stands before `|> ` declares and prepares.

/// Expression, printed value.
pub const EXPRESSIONS: &[(&str, &str)] = &[
    // Arithmetic: the quick way, overflow to large integers, floats, and back.
    ("3 + 4", "7"),
    ("1 bitShift: 59", "576460752303423488"),
    ("1 bitShift: 60", "1152921504606846976"),
    ("(1 bitShift: 59) * 2 - 1", "1152921504606846975"),
    ("SmallInteger maxVal + 1", "1152921504606846976"),
    ("SmallInteger minVal - 1", "-1152921504606846977"),
    ("-7 // 2", "-4"),
    ("-7 \\\\ 2", "1"),
    ("7 // -2", "-4"),
    ("1.5 + 1", "2.5"),
    ("1 / 4.0", "0.25"),
    ("3 / 4", "(3/4)"),
    ("1 < 1.5", "true"),
    ("100 factorial / 98 factorial", "9900"),
    // Bytecodes that are done together: a small constant with its sum or difference, an operation
    // with the temporary that keeps it, two temporaries, a store into an array as a statement.
    ("SmallInteger maxVal - 1", "1152921504606846974"),
    ("SmallInteger maxVal + 200", "1152921504606847175"),
    ("SmallInteger minVal - 255", "-1152921504606847231"),
    ("SmallInteger minVal + 1", "-1152921504606846975"),
    ("2.5 - 1", "1.5"),
    ("(1 / 2) + 1", "(3/2)"),
    (
        "[$a + 1] on: Error do: [:e | e class name]",
        "#MessageNotUnderstood",
    ),
    (
        "[:a :b | | c d | c := a - b. d := b - a. {c. d. c * d}] value: 7 value: 3",
        "#(4 -4 -16)",
    ),
    (
        "[:a :b | | c | c := a * b. c - a] value: 1.5 value: 4.0",
        "4.5",
    ),
    (
        "[:a :b | | c | c := a + b. c] value: SmallInteger maxVal value: 1",
        "1152921504606846976",
    ),
    (
        "[:a | a at: 1 put: 2. a at: 2 put: 3. a] value: (Array new: 2)",
        "#(2 3)",
    ),
    ("[:a | (a at: 1 put: 2) + 1] value: (Array new: 2)", "3"),
    (
        "[:a | [a at: 3 put: 2. a] on: Error do: [:e | e class name]] value: (Array new: 2)",
        "#SubscriptOutOfBounds",
    ),
    // Blocks: arguments, copied values, temps that are shared, loops that make fresh ones.
    ("[:a :b | a - b] value: 7 value: 3", "4"),
    ("| n | n := 1. |> [n := n + 1. n] value + n", "4"),
    (
        "| b | b := (1 to: 3) collect: [:i | [i * i]]. |> b collect: [:e | e value]",
        "#(1 4 9)",
    ),
    (
        "| c | c := nil. 1 to: 3 do: [:i | c := [i]]. |> c value",
        "3",
    ),
    ("[:x | x foo] numArgs", "1"),
    ("[] value", "nil"),
    (
        "[:a :b :c :d | a + b + c + d] valueWithArguments: #(1 2 3 4)",
        "10",
    ),
    // Non-local return, past unwind blocks and into a dead home.
    ("#(1 2 3) detect: [:e | e > 1]", "2"),
    (
        "| log | log := OrderedCollection new. [[1] ensure: [log add: 2]] value. |> log asArray",
        "#(2)",
    ),
    (
        "| log | log := OrderedCollection new. #(1 2) do: [:e | [log add: e] ifCurtailed: [log add: 9]]. |> log asArray",
        "#(1 2)",
    ),
    // Exceptions.
    ("[1 / 0] on: ZeroDivide do: [:e | e return: 42]", "42"),
    ("[(1 / 0) + 1] on: ZeroDivide do: [:e | e resume: 5]", "6"),
    (
        "[3 foo: 4] on: MessageNotUnderstood do: [:e | e message arguments]",
        "#(4)",
    ),
    (
        "[Error signal: 'a'. 7] on: Error do: [:e | e retryUsing: [8]]",
        "8",
    ),
    (
        "[[Error signal: 'x'] on: Error do: [:e | e pass]] on: Error do: [:e | e messageText]",
        "'x'",
    ),
    (
        "| n | n := 0. |> [n := n + 1. n < 3 ifTrue: [Error signal]. n] on: Error do: [:e | e retry]",
        "3",
    ),
    (
        "[[Error signal] ensure: [Transcript]] on: Error do: [:e | #outer]",
        "#outer",
    ),
    (
        "| log | log := OrderedCollection new. [[log add: 1. Error signal. log add: 2] ensure: [log add: 3]] on: Error do: [:e | log add: 4]. |> log asArray",
        "#(1 4 3)",
    ),
    ("[Warning signal. 5] on: Warning do: [:e | e resume]", "5"),
    ("[:x | x] on: Error do: [:e | #arguments]", "#arguments"),
    (
        "[nil ifTrue: [1]] on: Error do: [:e | e class name]",
        "#NonBooleanReceiver",
    ),
    // perform: and its kin.
    ("3 perform: #+ with: 4", "7"),
    ("3 perform: #between:and: withArguments: #(1 5)", "true"),
    (
        "[3 perform: #foo] on: MessageNotUnderstood do: [:e | e message selector]",
        "#foo",
    ),
    // Contexts as objects.
    ("thisContext method selector", "#DoIt"),
    ("thisContext sender", "nil"),
    ("[thisContext outerContext method selector] value", "#DoIt"),
    ("[:a | thisContext tempAt: 1] value: 17", "17"),
    // Processes.
    (
        "| s | s := Semaphore new. [s signal] fork. s wait. |> 9",
        "9",
    ),
    (
        "| log | log := OrderedCollection new. [log add: 1. Processor yield. log add: 3] fork. Processor yield. log add: 2. Processor yield. |> log asArray",
        "#(1 2 3)",
    ),
    (
        "| log done | log := OrderedCollection new. done := Semaphore new. [log add: 2. done signal] forkAt: 30. [log add: 1] forkAt: 50. done wait. |> log asArray",
        "#(1 2)",
    ),
    (
        "| p log | log := OrderedCollection new. p := [[Semaphore new wait] ensure: [log add: 1]] fork. Processor yield. p terminate. |> log asArray",
        "#(1)",
    ),
    (
        "| m n done | m := Mutex new. n := 0. done := Semaphore new. 1 to: 5 do: [:i | [m critical: [n := n + i]. done signal] fork]. 5 timesRepeat: [done wait]. |> n",
        "15",
    ),
    // become: in slots, variables and frames.
    (
        "| a b | a := 'left' copy. b := 'right' copy. a become: b. |> a",
        "'right'",
    ),
    (
        "| a b c | a := Array new: 1. b := Object new. a at: 1 put: b. c := 'new' copy. b becomeForward: c. |> a first",
        "'new'",
    ),
    // Read-only literals.
    (
        "[#(1 2) at: 1 put: 3] on: Error do: [:e | #refused]",
        "#refused",
    ),
    // Much that is made, kept and dropped.
    (
        "((1 to: 10000) inject: 0 into: [:sum :each | sum + each printString size])",
        "38894",
    ),
    (
        "| d | d := Dictionary new. 1 to: 2000 do: [:i | d at: i put: i printString]. |> d at: 1999",
        "'1999'",
    ),
    ("(1 to: 500) asOrderedCollection reverse first", "500"),
    ("1000 factorial printString size", "2568"),
];
