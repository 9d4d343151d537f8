//! Models from trainers, and vectors from models.

use proptest::prelude::*;

use super::*;

const TEXTS: [&str; 6] = [
    "the doctor examined a patient in the hospital",
    "a physician examined his patient at the hospital",
    "the nurse and the physician work in a hospital",
    "a ship sails across the ocean to the harbor",
    "the captain steered his ship into the harbor",
    "sailors on the ocean obey the captain",
];

fn trained(texts: &[&str]) -> Trainer {
    let mut trainer = Trainer::new();
    texts.iter().for_each(|text| trainer.add(text));
    trainer
}

fn cosine(embedder: &TrainedEmbedder, a: &str, b: &str) -> f32 {
    let vector = |text| {
        let mut vector = vec![0.0; embedder.dims()];
        embedder.embed_document(text, &mut vector);
        vector
    };
    vector(a).iter().zip(vector(b)).map(|(a, b)| a * b).sum()
}

#[test]
fn words_that_keep_the_same_company_are_alike() {
    let embedder = TrainedEmbedder::new(trained(&TEXTS.repeat(3)).finish().into());
    let alike = cosine(&embedder, "physician", "hospital");
    let other = cosine(&embedder, "physician", "harbor");
    assert!(alike > other + 0.05, "{alike} {other}");
}

#[test]
fn a_model_survives_its_bytes() {
    let model = trained(&TEXTS).finish();
    assert!(model.word_count() > 5);
    assert_eq!(TrainedModel::from_bytes(&model.to_bytes()), Ok(model));
}

#[test]
fn broken_bytes_are_refused() {
    let bytes = trained(&TEXTS).finish().to_bytes();
    for len in 0..bytes.len() {
        assert!(TrainedModel::from_bytes(&bytes[..len]).is_err(), "{len}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(TrainedModel::from_bytes(&longer).is_err());
    let mut later = bytes.clone();
    later[4] = 2;
    assert_eq!(
        TrainedModel::from_bytes(&later),
        Err(ModelError::Version { found: 2 })
    );
    let mut swapped = bytes;
    swapped[20..24].fill(0xff);
    assert!(TrainedModel::from_bytes(&swapped).is_err());
}

proptest! {
    #[test]
    fn order_and_shares_do_not_matter(
        mut texts in prop::collection::vec("[a-e ]{0,30}", 0..12),
        cut in 0_usize..12,
        removed in "[a-e ]{0,30}",
    ) {
        let texts_of = |texts: &[String]| {
            let mut trainer = Trainer::new();
            texts.iter().for_each(|text| trainer.add(text));
            trainer
        };
        let at_once = texts_of(&texts).finish();
        texts.reverse();
        let (some, rest) = texts.split_at(cut.min(texts.len()));
        let mut shared = texts_of(some);
        shared.add(&removed);
        shared.merge(&texts_of(rest));
        shared.remove(&removed);
        prop_assert_eq!(shared.documents(), texts.len() as u64);
        prop_assert_eq!(shared.finish().to_bytes(), at_once.to_bytes());
    }

    #[test]
    fn any_bytes_are_a_model_or_an_error(mut bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        bytes.splice(0..0, *b"KVRI\x01\x00\x00\x01");
        if let Ok(model) = TrainedModel::from_bytes(&bytes) {
            prop_assert_eq!(model.to_bytes(), bytes);
        }
    }

    #[test]
    fn vectors_have_unit_length_or_are_zero(text in ".{0,60}") {
        let embedder = TrainedEmbedder::new(trained(&TEXTS).finish().into());
        let square = cosine(&embedder, &text, &text);
        prop_assert!((square - 1.0).abs() < 1e-4 || square == 0.0, "{}", square);
    }
}
