//! What stands behind a key: thirteen types of value. Knows their numbers and their bytes, no key.

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Type 0.
    U8(u8),
    /// Type 1.
    I8(i8),
    /// Type 2.
    U16(u16),
    /// Type 3.
    I16(i16),
    /// Type 4.
    U32(u32),
    /// Type 5.
    I32(i32),
    /// Type 6.
    F32(f32),
    /// Type 7, one byte, 0 or 1.
    Bool(bool),
    /// Type 8.
    String(String),
    /// Type 9.
    Array(Array),
    /// Type 10.
    U64(u64),
    /// Type 11.
    I64(i64),
    /// Type 12.
    F64(f64),
}

/// Values of one type. They lie as densely in memory as in the file, so that no file asks for many times its size.
#[derive(Clone, Debug, PartialEq)]
pub enum Array {
    /// Elements of type 0.
    U8(Vec<u8>),
    /// Elements of type 1.
    I8(Vec<i8>),
    /// Elements of type 2.
    U16(Vec<u16>),
    /// Elements of type 3.
    I16(Vec<i16>),
    /// Elements of type 4.
    U32(Vec<u32>),
    /// Elements of type 5.
    I32(Vec<i32>),
    /// Elements of type 6.
    F32(Vec<f32>),
    /// Elements of type 7.
    Bool(Vec<bool>),
    /// Elements of type 8.
    String(Vec<String>),
    /// Elements of type 9, each with its own type and length.
    Array(Vec<Array>),
    /// Elements of type 10.
    U64(Vec<u64>),
    /// Elements of type 11.
    I64(Vec<i64>),
    /// Elements of type 12.
    F64(Vec<f64>),
}

impl Value {
    /// The number of the type in files.
    pub(super) fn type_id(&self) -> u32 {
        match self {
            Value::U8(_) => 0,
            Value::I8(_) => 1,
            Value::U16(_) => 2,
            Value::I16(_) => 3,
            Value::U32(_) => 4,
            Value::I32(_) => 5,
            Value::F32(_) => 6,
            Value::Bool(_) => 7,
            Value::String(_) => 8,
            Value::Array(_) => 9,
            Value::U64(_) => 10,
            Value::I64(_) => 11,
            Value::F64(_) => 12,
        }
    }

    /// An integer of any type that is not below zero.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Value::U8(x) => Some(x.into()),
            Value::U16(x) => Some(x.into()),
            Value::U32(x) => Some(x.into()),
            Value::U64(x) => Some(x),
            Value::I8(x) => x.try_into().ok(),
            Value::I16(x) => x.try_into().ok(),
            Value::I32(x) => x.try_into().ok(),
            Value::I64(x) => x.try_into().ok(),
            _ => None,
        }
    }

    /// A number with a fraction, of either type.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Value::F32(x) => Some(x.into()),
            Value::F64(x) => Some(x),
            _ => None,
        }
    }

    /// A text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Yes or no.
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Value::Bool(x) => Some(x),
            _ => None,
        }
    }

    /// Texts.
    pub fn as_strings(&self) -> Option<&[String]> {
        match self {
            Value::Array(Array::String(texts)) => Some(texts),
            _ => None,
        }
    }

    /// Integers of 32 bits, also those that a file keeps without sign.
    pub fn as_i32s(&self) -> Option<Vec<i32>> {
        match self {
            Value::Array(Array::I32(list)) => Some(list.clone()),
            Value::Array(Array::U32(list)) => list.iter().map(|&x| x.try_into().ok()).collect(),
            _ => None,
        }
    }

    /// Appends the value's bytes without its type.
    pub(super) fn append(&self, bytes: &mut Vec<u8>) {
        match self {
            Value::U8(x) => bytes.push(*x),
            Value::I8(x) => bytes.extend(x.to_le_bytes()),
            Value::U16(x) => bytes.extend(x.to_le_bytes()),
            Value::I16(x) => bytes.extend(x.to_le_bytes()),
            Value::U32(x) => bytes.extend(x.to_le_bytes()),
            Value::I32(x) => bytes.extend(x.to_le_bytes()),
            Value::F32(x) => bytes.extend(x.to_le_bytes()),
            Value::Bool(x) => bytes.push(u8::from(*x)),
            Value::String(text) => append_string(text, bytes),
            Value::Array(array) => array.append(bytes),
            Value::U64(x) => bytes.extend(x.to_le_bytes()),
            Value::I64(x) => bytes.extend(x.to_le_bytes()),
            Value::F64(x) => bytes.extend(x.to_le_bytes()),
        }
    }
}

impl Array {
    /// The number of its elements' type in files.
    fn type_id(&self) -> u32 {
        match self {
            Array::U8(_) => 0,
            Array::I8(_) => 1,
            Array::U16(_) => 2,
            Array::I16(_) => 3,
            Array::U32(_) => 4,
            Array::I32(_) => 5,
            Array::F32(_) => 6,
            Array::Bool(_) => 7,
            Array::String(_) => 8,
            Array::Array(_) => 9,
            Array::U64(_) => 10,
            Array::I64(_) => 11,
            Array::F64(_) => 12,
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Array::U8(list) => list.len(),
            Array::I8(list) => list.len(),
            Array::U16(list) => list.len(),
            Array::I16(list) => list.len(),
            Array::U32(list) => list.len(),
            Array::I32(list) => list.len(),
            Array::F32(list) => list.len(),
            Array::Bool(list) => list.len(),
            Array::String(list) => list.len(),
            Array::Array(list) => list.len(),
            Array::U64(list) => list.len(),
            Array::I64(list) => list.len(),
            Array::F64(list) => list.len(),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the type of the elements, their number, and the elements.
    fn append(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.type_id().to_le_bytes());
        bytes.extend((self.len() as u64).to_le_bytes());
        match self {
            Array::U8(list) => bytes.extend(list),
            Array::I8(list) => list.iter().for_each(|x| bytes.extend(x.to_le_bytes())),
            Array::U16(list) => list.iter().for_each(|x| bytes.extend(x.to_le_bytes())),
            Array::I16(list) => list.iter().for_each(|x| bytes.extend(x.to_le_bytes())),
            Array::U32(list) => list.iter().for_each(|x| bytes.extend(x.to_le_bytes())),
            Array::I32(list) => list.iter().for_each(|x| bytes.extend(x.to_le_bytes())),
            Array::F32(list) => list.iter().for_each(|x| bytes.extend(x.to_le_bytes())),
            Array::Bool(list) => list.iter().for_each(|x| bytes.push(u8::from(*x))),
            Array::String(list) => list.iter().for_each(|text| append_string(text, bytes)),
            Array::Array(list) => list.iter().for_each(|array| array.append(bytes)),
            Array::U64(list) => list.iter().for_each(|x| bytes.extend(x.to_le_bytes())),
            Array::I64(list) => list.iter().for_each(|x| bytes.extend(x.to_le_bytes())),
            Array::F64(list) => list.iter().for_each(|x| bytes.extend(x.to_le_bytes())),
        }
    }
}

/// Appends a text: its length in bytes, then the bytes.
pub(super) fn append_string(text: &str, bytes: &mut Vec<u8>) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}
