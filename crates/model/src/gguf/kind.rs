//! The types of tensors that GGUF knows: their numbers, names, and how many bytes a block takes. Knows nothing of what stands in a
//! block.
//!
//! Numbers and sizes are those of `ggml.h` and of the table `GGML_QUANT_SIZES` in the Python package gguf 0.19.

/// How a tensor's elements are stored. Names are ggml's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(non_camel_case_types, missing_docs, reason = "each is described by its row in the table below")]
pub enum TensorType {
    F32,
    F16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q8_1,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    Q8_K,
    IQ2_XXS,
    IQ2_XS,
    IQ3_XXS,
    IQ1_S,
    IQ4_NL,
    IQ3_S,
    IQ2_S,
    IQ4_XS,
    I8,
    I16,
    I32,
    I64,
    F64,
    IQ1_M,
    BF16,
    TQ1_0,
    TQ2_0,
    MXFP4,
    NVFP4,
    Q1_0,
}

/// Type, number in files, name, elements of a block, bytes of a block.
type Row = (TensorType, u32, &'static str, usize, usize);

const TABLE: [Row; 34] = [
    (TensorType::F32, 0, "F32", 1, 4),
    (TensorType::F16, 1, "F16", 1, 2),
    (TensorType::Q4_0, 2, "Q4_0", 32, 18),
    (TensorType::Q4_1, 3, "Q4_1", 32, 20),
    (TensorType::Q5_0, 6, "Q5_0", 32, 22),
    (TensorType::Q5_1, 7, "Q5_1", 32, 24),
    (TensorType::Q8_0, 8, "Q8_0", 32, 34),
    (TensorType::Q8_1, 9, "Q8_1", 32, 40),
    (TensorType::Q2_K, 10, "Q2_K", 256, 84),
    (TensorType::Q3_K, 11, "Q3_K", 256, 110),
    (TensorType::Q4_K, 12, "Q4_K", 256, 144),
    (TensorType::Q5_K, 13, "Q5_K", 256, 176),
    (TensorType::Q6_K, 14, "Q6_K", 256, 210),
    (TensorType::Q8_K, 15, "Q8_K", 256, 292),
    (TensorType::IQ2_XXS, 16, "IQ2_XXS", 256, 66),
    (TensorType::IQ2_XS, 17, "IQ2_XS", 256, 74),
    (TensorType::IQ3_XXS, 18, "IQ3_XXS", 256, 98),
    (TensorType::IQ1_S, 19, "IQ1_S", 256, 50),
    (TensorType::IQ4_NL, 20, "IQ4_NL", 32, 18),
    (TensorType::IQ3_S, 21, "IQ3_S", 256, 110),
    (TensorType::IQ2_S, 22, "IQ2_S", 256, 82),
    (TensorType::IQ4_XS, 23, "IQ4_XS", 256, 136),
    (TensorType::I8, 24, "I8", 1, 1),
    (TensorType::I16, 25, "I16", 1, 2),
    (TensorType::I32, 26, "I32", 1, 4),
    (TensorType::I64, 27, "I64", 1, 8),
    (TensorType::F64, 28, "F64", 1, 8),
    (TensorType::IQ1_M, 29, "IQ1_M", 256, 56),
    (TensorType::BF16, 30, "BF16", 1, 2),
    (TensorType::TQ1_0, 34, "TQ1_0", 256, 54),
    (TensorType::TQ2_0, 35, "TQ2_0", 256, 66),
    (TensorType::MXFP4, 39, "MXFP4", 32, 17),
    (TensorType::NVFP4, 40, "NVFP4", 64, 36),
    (TensorType::Q1_0, 41, "Q1_0", 128, 18),
];

/// Types that were in use once; no reader has them any more.
const REMOVED: [(u32, &str); 8] = [
    (4, "Q4_2"),
    (5, "Q4_3"),
    (31, "Q4_0_4_4"),
    (32, "Q4_0_4_8"),
    (33, "Q4_0_8_8"),
    (36, "IQ4_NL_4_4"),
    (37, "IQ4_NL_4_8"),
    (38, "IQ4_NL_8_8"),
];

impl TensorType {
    /// The type of a number. The error says what the number stands for.
    pub fn from_id(id: u32) -> std::result::Result<TensorType, String> {
        if let Some(row) = TABLE.iter().find(|row| row.1 == id) {
            return Ok(row.0);
        }
        match REMOVED.iter().find(|(removed, _)| *removed == id) {
            Some((_, name)) => Err(format!("type {name} ({id}), which ggml has removed")),
            None => Err(format!("type {id}, which is unknown here")),
        }
    }

    fn row(self) -> &'static Row {
        // The table is in the order of the variants, which a test holds.
        &TABLE[self as usize]
    }

    /// The number in files.
    pub fn id(self) -> u32 {
        self.row().1
    }

    /// The name, as in `Q4_K`.
    pub fn name(self) -> &'static str {
        self.row().2
    }

    /// Elements of a block: a row's length is a multiple of it.
    pub fn block_len(self) -> usize {
        self.row().3
    }

    /// Bytes of a block.
    pub fn block_bytes(self) -> usize {
        self.row().4
    }

    /// Bytes of a tensor of this shape, outermost dimension first. The error is why there is no such tensor: a row that is no whole
    /// number of blocks, or more than memory can address.
    pub fn bytes(self, shape: &[usize]) -> std::result::Result<usize, String> {
        let row = shape.last().copied().unwrap_or(1);
        if !row.is_multiple_of(self.block_len()) {
            return Err(format!("a row of {row} elements is no whole number of {}'s blocks of {}", self.name(), self.block_len()));
        }
        let elements = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
        let bytes = elements.and_then(|n| (n / self.block_len()).checked_mul(self.block_bytes()));
        bytes.filter(|&bytes| bytes <= isize::MAX as usize).ok_or_else(|| format!("a shape of {shape:?} is beyond any memory"))
    }

    /// What llama.cpp calls a file whose matrices are mostly of this type (`general.file_type`), where it has a number for it.
    pub fn file_type(self) -> Option<u32> {
        match self {
            TensorType::F32 => Some(0),
            TensorType::F16 => Some(1),
            TensorType::Q4_0 => Some(2),
            TensorType::Q4_1 => Some(3),
            TensorType::Q8_0 => Some(7),
            TensorType::Q5_0 => Some(8),
            TensorType::Q5_1 => Some(9),
            TensorType::Q2_K => Some(10),
            TensorType::Q3_K => Some(11),
            TensorType::Q4_K => Some(14),
            TensorType::Q5_K => Some(16),
            TensorType::Q6_K => Some(18),
            TensorType::BF16 => Some(32),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_names_and_sizes() {
        for (place, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, place, "{} stands out of order", row.2);
            assert_eq!(TensorType::from_id(row.1), Ok(row.0));
            assert_eq!(format!("{:?}", row.0), row.2);
        }
        let check = |kind: TensorType, shape: &[usize], expected: usize| assert_eq!(kind.bytes(shape), Ok(expected), "{kind:?} {shape:?}");
        check(TensorType::F32, &[], 4);
        check(TensorType::F32, &[3, 5], 60);
        check(TensorType::Q8_0, &[3, 64], 3 * 2 * 34);
        check(TensorType::Q4_K, &[2, 256], 288);
        let why = TensorType::Q4_K.bytes(&[2, 192]).unwrap_err();
        assert_eq!(why, "a row of 192 elements is no whole number of Q4_K's blocks of 256");
        assert!(TensorType::F32.bytes(&[1 << 40, 1 << 40]).unwrap_err().contains("beyond any memory"));
        assert!(TensorType::F32.bytes(&[1 << 61, 1]).unwrap_err().contains("beyond any memory"));
        assert_eq!(TensorType::from_id(31).unwrap_err(), "type Q4_0_4_4 (31), which ggml has removed");
        assert_eq!(TensorType::from_id(99).unwrap_err(), "type 99, which is unknown here");
    }
}
