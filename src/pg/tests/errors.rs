#[pgrx::pg_schema]
mod tests {
    use pgrx::{Spi, pg_test};

    fn people() {
        Spi::run("CREATE TABLE people AS SELECT i % 9 AS age, i % 2 = 0 AS ok FROM generate_series(1, 100) AS i")
            .unwrap();
    }

    #[pg_test]
    fn a_model_is_used_in_the_transaction_that_trained_it() {
        people();
        Spi::run(
            "SELECT tablediffusion_train('people', 1, method => 'tablediffusion', options => '{\"epochs\": 0.1}')",
        )
        .unwrap();
        let sampled = Spi::get_one::<i64>("SELECT count(*) FROM tablediffusion_sample('people', 10)");
        assert_eq!(sampled.unwrap(), Some(10));
    }

    #[pg_test(error = "model \"nobody\" does not exist")]
    fn an_unknown_model_is_refused() {
        Spi::run("SELECT tablediffusion_sample('nobody', 1)").unwrap();
    }

    #[pg_test(error = "column \"p\" has type point, which cannot be modelled")]
    fn an_unknown_type_is_refused() {
        Spi::run("CREATE TABLE shapes (a int, p point); SELECT tablediffusion_train('shapes', 1)").unwrap();
    }

    #[pg_test(error = "\"people\" has no column to learn from")]
    fn no_columns_are_refused() {
        people();
        Spi::run("SELECT tablediffusion_train('people', 1, exclude => '{age,ok}')").unwrap();
    }

    #[pg_test(error = "could not read \"failing\"")]
    fn errors_of_a_source_are_not_repeated() {
        people();
        Spi::run("CREATE VIEW failing AS SELECT 1 / (age - 5) AS q FROM people").unwrap();
        Spi::run("SELECT tablediffusion_train('failing', 1)").unwrap();
    }

    #[pg_test(error = "the number of rows must be positive")]
    fn no_rows_are_refused() {
        Spi::run("SELECT tablediffusion_sample('people', 0)").unwrap();
    }
}
