//! A second opinion on JSON (RFC 8259): where values begin and end, in text of any depth. No values are built.

/// A value's text, without the white space around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a>(pub &'a str);

/// A member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name; none if its escapes are no Unicode text.
    pub name: Option<String>,
    /// Its value.
    pub value: Raw<'a>,
}

/// Reads a text that is one JSON value.
pub fn value(text: &str) -> Option<Raw<'_>> {
    let mut scanner = Scanner { text, at: 0 };
    let value = scanner.value()?;
    scanner.ends().then_some(value)
}

/// Reads a text that is one JSON object, into its members in order.
pub fn object(text: &str) -> Option<Vec<Member<'_>>> {
    let mut scanner = Scanner { text, at: 0 };
    let mut members = Vec::new();
    scanner.space();
    scanner.expect(b'{')?;
    if !scanner.eat(b'}') {
        loop {
            let name = unescape(scanner.name()?);
            let value = scanner.value()?;
            members.push(Member { name, value });
            if !scanner.eat(b',') {
                break;
            }
        }
        scanner.expect(b'}')?;
    }
    scanner.ends().then_some(members)
}

impl<'a> Raw<'a> {
    /// Whether it is a string.
    pub fn is_string(self) -> bool {
        self.0.starts_with('"')
    }

    /// The string that it is; none if it is another type, or its escapes are no Unicode text.
    pub fn as_string(self) -> Option<String> {
        self.is_string().then(|| unescape(self))?
    }

    /// The string that it is, if it is written without escapes.
    pub fn as_plain_string(self) -> Option<&'a str> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        (!inner.contains('\\')).then_some(inner)
    }

    /// The integer that it is written as.
    pub fn as_integer(self) -> Option<u64> {
        let digits = self.0.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| self.0.parse().ok())?
    }
}

/// The characters of a string's text, quotes included.
fn unescape(raw: Raw<'_>) -> Option<String> {
    let mut units = Vec::new();
    let mut rest = raw.0[1..raw.0.len() - 1].chars();
    let mut buffer = [0; 2];
    while let Some(c) = rest.next() {
        let c = match c {
            '\\' => match rest.next()? {
                'u' => {
                    let (digits, after) = rest.as_str().split_at_checked(4)?;
                    units.push(u16::from_str_radix(digits, 16).ok()?);
                    rest = after.chars();
                    continue;
                }
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                same => same,
            },
            c => c,
        };
        units.extend_from_slice(c.encode_utf16(&mut buffer));
    }
    String::from_utf16(&units).ok()
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Passes over `byte` and the white space before and after it, if it is next.
    fn eat(&mut self, byte: u8) -> bool {
        self.space();
        let next = self.peek() == Some(byte);
        if next {
            self.at += 1;
            self.space();
        }
        next
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.eat(byte).then_some(())
    }

    fn ends(&mut self) -> bool {
        self.space();
        self.at == self.text.len()
    }

    fn name(&mut self) -> Option<Raw<'a>> {
        self.space();
        let start = self.at;
        self.string()?;
        let name = Raw(&self.text[start..self.at]);
        self.expect(b':')?;
        Some(name)
    }

    fn value(&mut self) -> Option<Raw<'a>> {
        self.space();
        let start = self.at;
        // What closes each array and object that is open.
        let mut open = Vec::new();
        loop {
            match self.peek()? {
                b'{' => {
                    self.at += 1;
                    self.space();
                    if self.peek() == Some(b'}') {
                        self.at += 1;
                    } else {
                        self.name()?;
                        open.push(b'}');
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    self.space();
                    if self.peek() == Some(b']') {
                        self.at += 1;
                    } else {
                        open.push(b']');
                        continue;
                    }
                }
                b'"' => self.string()?,
                b'-' | b'0'..=b'9' => self.number()?,
                _ => self.word()?,
            }
            loop {
                let Some(close) = open.last().copied() else {
                    return Some(Raw(&self.text[start..self.at]));
                };
                if self.eat(b',') {
                    if close == b'}' {
                        self.name()?;
                    }
                    break;
                }
                self.space();
                if self.peek() != Some(close) {
                    return None;
                }
                self.at += 1;
                open.pop();
            }
        }
    }

    fn string(&mut self) -> Option<()> {
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => return Some(()),
                0..=0x1f => return None,
                b'\\' => {
                    let escape = self.peek()?;
                    self.at += 1;
                    match escape {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => {
                            for _ in 0..4 {
                                self.peek().filter(u8::is_ascii_hexdigit)?;
                                self.at += 1;
                            }
                        }
                        _ => return None,
                    }
                }
                _ => {}
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        if self.peek()? == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn word(&mut self) -> Option<()> {
        let rest = &self.text.as_bytes()[self.at..];
        let word = ["true", "false", "null"]
            .into_iter()
            .find(|word| rest.starts_with(word.as_bytes()))?;
        self.at += word.len();
        Some(())
    }
}
