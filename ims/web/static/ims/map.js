// A trip on a map: <div class="ims-map" data-map="ID of a json_script" data-icons="sprite">
// The JSON: {"plan": [[lat, lng]…], "track": [[lat, lng]…], "stations": [{name, lat, lng}…], "vehicle": "name, speed"}
// Without data-tiles (an address with {z}/{x}/{y}) it is drawn on grid lines, and no other host is asked.
// A new fix: element.dispatchEvent(new CustomEvent("ims:fix", {detail: [lat, lng]}))
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const LINES = 24; // of the grid across twice the map's width, about
  const CLOSEST = 15; // zoom at which a single place is shown

  const label = (text) => Object.assign(document.createElement("span"), { textContent: text });

  const truck = (sprite) => {
    const drawing = document.createElementNS(SVG, "svg");
    const use = document.createElementNS(SVG, "use");
    drawing.setAttribute("class", "i");
    use.setAttribute("href", `${sprite}#truck`);
    drawing.append(use);
    return drawing;
  };

  const show = (element) => {
    const trip = JSON.parse(document.getElementById(element.dataset.map).textContent);
    const { icons, tiles, credit } = element.dataset;
    const colour = (name) => getComputedStyle(element).getPropertyValue(name).trim();
    const map = L.map(element, { attributionControl: Boolean(tiles), zoomSnap: 0.25 });
    const grid = L.layerGroup().addTo(map);
    const layer = L.layerGroup().addTo(map);
    let way, marker;

    const line = (points, style, to) => L.polyline(points, { interactive: false, ...style }).addTo(to);

    // As many degrees between the lines as make a round number.
    const drawGrid = () => {
      grid.clearLayers();
      if (tiles) return;
      const seen = map.getBounds().pad(0.5);
      const rough = (seen.getEast() - seen.getWest()) / LINES;
      const power = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 5, 10].find((n) => n * power >= rough) * power;
      const thin = { color: colour("--ims-line"), weight: 1 };
      for (let x = Math.floor(seen.getWest() / step) * step; x < seen.getEast(); x += step)
        line([[seen.getSouth(), x], [seen.getNorth(), x]], thin, grid);
      for (let y = Math.floor(seen.getSouth() / step) * step; y < seen.getNorth(); y += step)
        line([[y, seen.getWest()], [y, seen.getEast()]], thin, grid);
    };

    const station = ({ name, lat, lng }) => {
      const right = lng > map.getCenter().lng;
      const icon = L.divIcon({ className: right ? "ims-pin flip" : "ims-pin", iconSize: [14, 14], html: label(name) });
      L.marker([lat, lng], { keyboard: false, icon }).addTo(layer);
    };

    const placeVehicle = () => {
      const here = trip.track.at(-1);
      if (!here) return;
      if (marker) return marker.setLatLng(here);
      const icon = L.divIcon({ className: "ims-truck", iconSize: [34, 34], html: truck(icons) });
      marker = L.marker(here, { alt: trip.vehicle, title: trip.vehicle, icon }).addTo(layer);
    };

    const draw = () => {
      layer.clearLayers();
      marker = null;
      drawGrid();
      line(trip.plan, { color: colour("--ims-ink2"), weight: 3, dashArray: "2 7" }, layer);
      way = line(trip.track, { color: colour("--ims-run"), weight: 4 }, layer);
      trip.stations.forEach(station);
      placeVehicle();
    };

    const known = [...trip.plan, ...trip.track];
    if (known.length) map.fitBounds(L.latLngBounds(known).pad(0.15), { maxZoom: CLOSEST });
    else map.setView([20, 0], 1);
    if (tiles) L.tileLayer(tiles, { attribution: credit, maxZoom: 19 }).addTo(map);
    L.control.scale({ imperial: false }).addTo(map);
    draw();
    map.on("moveend zoomend", drawGrid);
    addEventListener("ims:theme", draw);
    element.addEventListener("ims:fix", ({ detail }) => {
      const isFirst = !trip.track.length;
      trip.track.push(detail);
      way.addLatLng(detail);
      placeVehicle();
      if (isFirst && !trip.plan.length) map.setView(detail, CLOSEST);
      else if (!map.getBounds().pad(-0.05).contains(detail)) map.panTo(detail, { animate: false });
    });
  };

  if (window.L) document.querySelectorAll("[data-map]").forEach(show);
})();
