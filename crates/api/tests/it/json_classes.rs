//! Values of every class of a JSON test suite: what is taken, and what is refused, on either contract (row R27).

/// Values that JSON allows or leaves open; the deepest is nested so deep.
pub(crate) fn allowed(levels: usize) -> Vec<String> {
    let many = "1234567890".repeat(50);
    let deep = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let values = [
        "0",
        "-0",
        "1E+2",
        "1e-999",
        "-1.5e400",
        "123123e100000",
        "1.000",
        many.as_str(),
        "true",
        "false",
        "null",
        r#""""#,
        r#""\u0000\"\\\/\b\f\n\r\t""#,
        r#""\uD83D\uDE00""#,
        "\"é😀\u{2028}\u{7f}\u{feff}\"",
        "[]",
        "{}",
        "[[],{}]",
        r#"{"a":1,"a":2,"":3}"#,
        deep.as_str(),
        // Left open by the standard, and taken: halves of surrogate pairs stay as they came.
        r#""\uD800""#,
        r#""\uDC00\uD800""#,
        r#"{"\uDFAA":0}"#,
        // Numbers no machine type holds are texts to us.
        "0.4e00669999999999999999999999999999999999999999999999999999999999999999999969999999006",
        "-1e+9999",
    ];
    values.map(str::to_owned).into()
}

/// Values that it forbids.
pub(crate) fn forbidden() -> Vec<Vec<u8>> {
    let deep = "[".repeat(100_000);
    let values = [
        &b"01"[..],
        b"-",
        b"-01",
        b"+1",
        b".5",
        b"1.",
        b"1.e1",
        b"1e",
        b"1e+",
        b"0x1F",
        b"1_000",
        b"Infinity",
        b"-NaN",
        b"nan",
        b"1 2",
        b"True",
        b"nul",
        b"truee",
        b"'x'",
        b"x",
        b"\"\\x\"",
        b"\"\\u12G4\"",
        b"\"\\u{12}\"",
        b"\"\n\"",
        b"\"\t\"",
        b"\"\0\"",
        b"\"\x1f\"",
        b"\"\xff\"",
        b"\"\xc0\xaf\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xf4\x90\x80\x80\"",
        b"[1,]",
        b"[,1]",
        b"[1 2]",
        b"[1:2]",
        b"[",
        b"]",
        b"[1}",
        b"{",
        b"{\"a\"}",
        b"{\"a\":}",
        b"{\"a\":1,}",
        b"{,\"a\":1}",
        b"{a:1}",
        b"{'a':1}",
        b"{1:1}",
        b"{\"a\":1 \"b\":2}",
        b"{\"a\":1,,\"b\":2}",
        b"[]]",
        b"\0",
        b"\xe2\x80\xa8",
        b"\x0c",
        b"\xc2\xa0",
        b"/**/1",
        b"1//x\n",
        b"#1",
        deep.as_bytes(),
    ];
    values.map(<[u8]>::to_vec).into()
}
