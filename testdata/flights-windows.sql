-- The answers that TestFlightsAgainstDuckDB expects. DuckDB writes them when
-- this is run at the root of the module:
--
--	duckdb < testdata/flights-windows.sql
--
-- Windows are [start, stop). A session ends 30 minutes after its last flight,
-- and a flight at that very minute begins another.
CREATE TABLE flights AS
    SELECT date, delay, origin FROM read_csv('examples/data/flights-100k.csv.gz');

CREATE TABLE tumbling AS
    SELECT 'tumbling' AS kind, origin, time_bucket(INTERVAL 1 HOUR, date) AS start,
           time_bucket(INTERVAL 1 HOUR, date) + INTERVAL 1 HOUR AS stop, delay
    FROM flights;

CREATE TABLE sliding AS
    SELECT 'sliding' AS kind, origin,
           time_bucket(INTERVAL 6 HOUR, date, TIMESTAMP '1970-01-01') - i * INTERVAL 6 HOUR AS start,
           time_bucket(INTERVAL 6 HOUR, date, TIMESTAMP '1970-01-01') - i * INTERVAL 6 HOUR + INTERVAL 24 HOUR AS stop, delay
    FROM flights, range(4) AS slides(i);

CREATE TABLE sessions AS
    WITH marked AS (
        SELECT *, CASE WHEN date < lag(date) OVER by_time + INTERVAL 30 MINUTE THEN 0 ELSE 1 END AS begins
        FROM flights WINDOW by_time AS (PARTITION BY origin ORDER BY date)),
    numbered AS (
        SELECT *, sum(begins) OVER (PARTITION BY origin ORDER BY date ROWS UNBOUNDED PRECEDING) AS number FROM marked)
    SELECT 'session' AS kind, origin, min(date) OVER session AS start,
           max(date) OVER session + INTERVAL 30 MINUTE AS stop, delay
    FROM numbered WINDOW session AS (PARTITION BY origin, number);

COPY (
    SELECT kind, origin, epoch(start)::BIGINT AS start, epoch(stop)::BIGINT AS stop,
           count(*) AS flights, sum(delay)::BIGINT AS delay
    FROM (FROM tumbling UNION ALL FROM sliding UNION ALL FROM sessions)
    GROUP BY ALL ORDER BY ALL
) TO 'testdata/flights-windows.csv.gz' (HEADER, COMPRESSION gzip);
