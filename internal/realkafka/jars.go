package realkafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// pom names what Maven fetches: the broker, the tools it is formatted with, and
// something that writes its log.
const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>afflux</groupId><artifactId>realkafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>` + Version + `</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>` + Version + `</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.1</version></dependency>
  </dependencies>
</project>
`

// java finds a Java that Kafka runs on.
func java(ctx context.Context) (string, error) {
	name := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		name = filepath.Join(home, "bin", "java")
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: it needs Java 17 or later: %w", ErrMissing, err)
	}
	out, err := exec.CommandContext(ctx, path, "-version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s -version: %w: %s", ErrMissing, path, err, out)
	}
	m := regexp.MustCompile(`version "(\d+)`).FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("%w: %s -version says no version: %s", ErrMissing, path, out)
	}
	if major, _ := strconv.Atoi(string(m[1])); major < 17 {
		return "", fmt.Errorf("%w: it needs Java 17 or later, %s is %s", ErrMissing, path, m[1])
	}
	return path, nil
}

// jars returns the folder of Kafka's jars, which it fetches if it must.
func jars(ctx context.Context) (string, error) {
	if home := os.Getenv("AFFLUX_KAFKA"); home != "" {
		libs := filepath.Join(home, "libs")
		if found, _ := filepath.Glob(filepath.Join(libs, "kafka_*.jar")); len(found) > 0 {
			return libs, nil
		}
		return fetch(ctx, home)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w: %w; name a directory with AFFLUX_KAFKA", ErrMissing, err)
	}
	return fetch(ctx, filepath.Join(cache, "afflux", "kafka-"+Version))
}

// fetch makes home/libs complete; it exists only when it is. Processes that do
// so at the same time wait for each other.
func fetch(ctx context.Context, home string) (string, error) {
	libs := filepath.Join(home, "libs")
	if _, err := os.Stat(libs); err == nil {
		return libs, nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", fmt.Errorf("%w: the jars of Kafka %s are not in %s, and there is no Maven to fetch them: %w", ErrMissing, Version, libs, err)
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", fmt.Errorf("realkafka: %w", err)
	}
	unlock, err := lock(filepath.Join(home, "fetch.lock"))
	if err != nil {
		return "", fmt.Errorf("realkafka: %w", err)
	}
	defer unlock()
	if _, err := os.Stat(libs); err == nil { // by another process meanwhile
		return libs, nil
	}
	part, err := os.MkdirTemp(home, "part-")
	if err != nil {
		return "", fmt.Errorf("realkafka: %w", err)
	}
	defer func() { _ = os.RemoveAll(part) }() // what is left does no harm
	if err := os.WriteFile(filepath.Join(part, "pom.xml"), []byte(pom), 0o644); err != nil {
		return "", fmt.Errorf("realkafka: %w", err)
	}
	cmd := exec.CommandContext(ctx, mvn, "-B", "-q", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+filepath.Join(part, "libs"))
	cmd.Dir = part
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("realkafka: Maven cannot fetch Kafka %s: %w: %s", Version, err, last(out, 1500))
	}
	if err := os.Rename(filepath.Join(part, "libs"), libs); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("realkafka: %w", err)
	}
	return libs, nil
}

// last returns the end of b, at most n bytes.
func last(b []byte, n int) []byte { return b[max(0, len(b)-n):] }
